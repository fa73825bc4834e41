import type { App } from '../app-type.ts'

/**
 * Closes each connection after its current answer once the service stops. Otherwise a connection that is kept alive delays
 * the stop until its client closes it.
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
