import type { App } from '../app-type.ts'

/** Tells browsers and proxies to keep no answer of a call that needs a login: figures change, and they are not everybody's. */
export function neverStoreAccounts(app: App): void {
  app.addHook('onRequest', async ({ routeOptions }, reply) => {
    if (routeOptions.config.right !== undefined) reply.header('cache-control', 'no-store')
  })
}
