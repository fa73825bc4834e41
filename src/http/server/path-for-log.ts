import type { FastifyRequest } from 'fastify'
import { urlHoldsKey } from '../../work/callers/key-text.ts'

/** The path of a request. Of one that may hold a secret, such as the link of a subscription or an API key, only the first part. */
export function pathOf({ url, routeOptions }: FastifyRequest): string {
  const path = url.split('?', 1)[0] ?? ''
  const isOurs = routeOptions.url !== undefined
  const { isSecretPath = () => !isOurs } = routeOptions.config
  return isSecretPath(path) || urlHoldsKey(path) ? path.replace(/^(\/[^/]*)\/.*$/, '$1/...') : path
}
