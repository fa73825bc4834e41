import type pg from 'pg'
import { createServerProbe } from './server-probe.ts'
import { createSessionClient, sessionConfig } from './session-client.ts'
import { databaseUnavailable } from './unavailable.ts'

/** A session of its own at the database, opened when it is first needed. One that was lost is replaced. */
export type LastingSession<Begun> = {
  /**
   * The session that there is, or a new one.
   *
   * @throws `database_unavailable`: there is no session then.
   */
  open(): Promise<{ client: pg.Client; begun: Begun; isNew: boolean }>
  /** The client of the session; null: there is none. */
  opened(): Promise<pg.Client | null>
  /** Ends a session that failed. The next one to be opened is new. */
  drop(client: pg.Client): void
  close(): Promise<void>
}

/**
 * @param name shows in the server's `pg_stat_activity`.
 * @param begin what a new session does first. If that fails, the session is ended.
 */
export function createLastingSession<Begun>(
  url: string,
  name: string,
  begin: (client: pg.Client) => Promise<Begun>,
): LastingSession<Begun> {
  const Client = createSessionClient({ settings: {}, probe: createServerProbe(url) })
  let session: Promise<{ client: pg.Client; begun: Begun }> | null = null
  /** The client of the session, once it has begun. */
  let current: pg.Client | null = null

  /** A session that is lost says so twice. By then the next one may be opening: that stays. */
  const forget = (client: pg.Client) => {
    if (current !== client) return
    current = null
    session = null
  }
  const start = async () => {
    const client = new Client(sessionConfig(url, name))
    client.on('error', () => forget(client))
    client.on('end', () => forget(client))
    try {
      await client.connect()
      const begun = await begin(client)
      current = client
      return { client, begun }
    } catch (error) {
      end(client)
      throw error
    }
  }
  const opened = async () => (await session?.catch(() => null))?.client ?? null

  return {
    async open() {
      const isNew = session === null
      session ??= start()
      const opening = session
      try {
        return { ...(await opening), isNew }
      } catch (error) {
        if (session === opening) session = null
        throw databaseUnavailable(error)
      }
    },
    opened,
    drop(client) {
      forget(client)
      end(client)
    },
    async close() {
      const client = await opened()
      await client?.end()
    },
  }
}

/** Nobody waits for the end: a server that hangs does not say it. */
function end(client: pg.Client): void {
  client.end().catch(() => {})
}
