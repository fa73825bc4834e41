import type { FastifyRequest } from 'fastify'
import type { KeyReader } from '../../work/callers/key-reader.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Tells what must not reach the panel, nor a log. */
    keys: KeyReader
  }
}

/** The path of a request. Of one that may hold a secret, such as the link of a subscription or an API key, only the first part. */
export function pathOf({ url, routeOptions, server }: FastifyRequest): string {
  const path = url.split('?', 1)[0] ?? ''
  const isOurs = routeOptions.url !== undefined
  const { isSecretPath = () => !isOurs } = routeOptions.config
  return isSecretPath(path) || server.keys.urlHoldsKey(path)
    ? path.replace(/^(\/[^/]*)\/.*$/, '$1/...')
    : path
}
