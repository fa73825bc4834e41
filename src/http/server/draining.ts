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

/** How long the requests under way may take once the service stops. After them, jobs and an embedded database have to end. */
const patienceMs = 8_000

/** Closes `app`: it answers the requests under way, and cuts the connections of those that still wait after some seconds. */
export async function drain(app: App): Promise<void> {
  const cutting = setTimeout(() => app.server.closeAllConnections(), patienceMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cutting)
  }
}
