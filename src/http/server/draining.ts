import type { App } from '../app-type.ts'

/**
 * Lets connections end with the answer under way once the service stops: kept alive, they would hold up the end until
 * the client tires of them.
 */
export function endConnectionsWhenDraining(app: App): void {
  let draining = false
  app.addHook('preClose', async () => {
    draining = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close')
  })
}
