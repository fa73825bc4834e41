import type pg from 'pg'
import { createServerProbe } from '../connection/server-probe.ts'
import { createSessionClient, sessionConfig } from '../connection/session-client.ts'
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
  const Client = createSessionClient({ settings: {}, probe: createServerProbe(url) })
  let session: Promise<pg.Client> | null = null
  /** The client of the session, once it listens: the end of an earlier one is no news. */
  let current: pg.Client | null = null

  const open = async (): Promise<pg.Client> => {
    const client = new Client(sessionConfig(url, 'marzban-ledger-outbox'))
    const forget = () => {
      if (current === client) session = null
    }
    client.on('error', forget)
    client.on('end', forget)
    client.on('notification', onWritten)
    try {
      await client.connect()
      await client.query(`listen ${outboxChannel}`)
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
    current = client
    return client
  }

  return {
    async listen() {
      const known = session
      const opening = known ?? open()
      session = opening
      try {
        const client = await opening
        // A session that hangs looks as if nothing were written.
        if (known) await client.query(`listen ${outboxChannel}`)
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
