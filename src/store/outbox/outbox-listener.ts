import type pg from 'pg'
import { createLastingSession } from '../connection/lasting-session.ts'
import { databaseUnavailable } from '../connection/unavailable.ts'
import { outboxChannel } from './outbox.ts'

/** Hears at once when any replica has written into the outbox. */
export type OutboxListener = {
  /**
   * Makes sure that it listens. A session that was lost is replaced: what was written in between is not heard.
   *
   * @throws `database_unavailable`.
   */
  listen(): Promise<void>
  close(): Promise<void>
}

/** @param onWritten called when something has been committed. */
export function createOutboxListener(url: string, onWritten: () => void): OutboxListener {
  const listenOver = (client: pg.Client) => client.query(`listen ${outboxChannel}`)
  const session = createLastingSession(url, 'marzban-ledger-outbox', async (client) => {
    client.on('notification', onWritten)
    await listenOver(client)
  })
  return {
    async listen() {
      const { client, isNew } = await session.open()
      if (isNew) return
      try {
        // A session that hangs looks as if nothing were written.
        await listenOver(client)
      } catch (error) {
        session.drop(client)
        throw databaseUnavailable(error)
      }
    },
    close: session.close,
  }
}
