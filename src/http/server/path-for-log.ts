import type { FastifyRequest } from 'fastify'

/** The path of a request. Of one that may hold a secret, such as the link of a subscription, only the first part. */
export function pathOf({ url, routeOptions }: FastifyRequest): string {
  const path = url.split('?', 1)[0] ?? ''
  const isOurs = routeOptions.url !== undefined
  const { isSecretPath = () => !isOurs } = routeOptions.config
  return isSecretPath(path) ? path.replace(/^(\/[^/]*)\/.*$/, '$1/...') : path
}
