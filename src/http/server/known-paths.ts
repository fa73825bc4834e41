import type { App } from '../app-type.ts'

/** The methods that `app` has at a path, sorted; none: it does not know the path. */
export type MethodsAt = (path: string) => string[]

/**
 * Collects the routes of `app`. Call it before they are registered.
 *
 * @returns a function of a path as it stands in a request, without the query.
 */
export function collectPaths(app: App): MethodsAt {
  const routes: { pattern: URLPattern; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    // @fastify/cors takes preflights for any path, also for those that are not there.
    if (url === '*') return
    routes.push({ pattern: new URLPattern({ pathname: url }), methods: [method].flat() })
  })
  return (path) => {
    // Two slashes in front would be the name of another host.
    if (path.startsWith('//')) return []
    const there = routes.filter(({ pattern }) => pattern.test({ pathname: path }))
    return [...new Set(there.flatMap(({ methods }) => methods))].sort()
  }
}

/**
 * Sends a request for a known path with a slash too many to the path without it, as the panel does. The target is a path of
 * this service, so nobody is sent to another host.
 */
export function redirectTrailingSlashes(app: App, methodsAt: MethodsAt): void {
  app.addHook('onRequest', async (request, reply) => {
    const [path = '', ...rest] = request.url.split('?')
    // A route with a parameter also takes an empty one.
    const isEmptyName = Object.entries(request.params ?? {}).some(
      ([name, value]) => name !== '*' && value === '',
    )
    if (!path.endsWith('/') || !(request.is404 || isEmptyName)) return
    const target = path.slice(0, -1)
    if (target === '/' || methodsAt(target).length === 0) return
    const query = rest.length > 0 ? `?${rest.join('?')}` : ''
    const below =
      methodsAt(`${target}/1`).length > 0 ? ' A path of one of its items ends with an id or a name.' : ''
    return reply
      .code(307)
      .header('location', `${target}${query}`)
      .send({ detail: `The path is ${target}, without a slash at its end.${below}` })
  })
}
