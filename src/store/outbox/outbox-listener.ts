import pg from 'pg'
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
  let session: Promise<pg.Client> | null = null

  const open = async (): Promise<pg.Client> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'marzban-ledger-outbox',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    })
    const forget = () => {
      session = null
    }
    client.on('error', forget)
    client.on('end', forget)
    client.on('notification', onWritten)
    await client.connect()
    await client.query(`listen ${outboxChannel}`)
    return client
  }

  return {
    async listen() {
      session ??= open()
      const opening = session
      try {
        await opening
      } catch (error) {
        if (session === opening) session = null
        throw databaseUnavailable(error)
      }
    },
    async close() {
      const client = await session?.catch(() => null)
      await client?.end()
    },
  }
}
