import type { FastifyRequest } from 'fastify'

/** Of what the panel answers outside of its API only the first part: the rest may be a subscription's secret link. */
export function pathOf({ url, routeOptions }: FastifyRequest): string {
  const path = url.split('?', 1)[0] ?? ''
  const isOurs = routeOptions.url !== undefined && !routeOptions.config.isPassedOn
  return isOurs || path.startsWith('/api/') ? path : path.replace(/^(\/[^/]*)\/.*$/, '$1/...')
}
