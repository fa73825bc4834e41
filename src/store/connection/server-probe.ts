import pg from 'pg'

/**
 * What the server does about a session. `working`: it carries out a statement. `idle`: it waits for the client, or has no such
 * session. `away`: it does not answer.
 */
export type SessionState = 'working' | 'idle' | 'away'

/**
 * Asks the server, over a connection of its own, what it does about the session of a backend.
 *
 * @param backend the number of its process; null: it is not known.
 */
export type ServerProbe = (backend: number | null) => Promise<{ state: SessionState; reason: string }>

/** Each of the two: to connect, and to be answered. */
const limitMs = 1_500

/** Sessions that wait for a client read nothing: with `Client`, the server's answer does not get through. */
const question = `
  select pid from pg_stat_activity
  where state not like 'idle%' and wait_event_type is distinct from 'Client' and pid <> pg_backend_pid()`

/** @param url where the server is. Sessions that hang at the same time are asked about together. */
export function createServerProbe(url: string): ServerProbe {
  let asking: Promise<Set<number> | string | null> | null = null

  /** The backends that work; null: it answers, and does not say; a text: why it does not answer. */
  const ask = async (): Promise<Set<number> | string | null> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'marzban-ledger-probe',
      connectionTimeoutMillis: limitMs,
      query_timeout: limitMs,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query<{ pid: number }>(question)
      return new Set(rows.map(({ pid }) => pid))
    } catch (error) {
      if (error instanceof pg.DatabaseError && !isAway(error)) return null
      return error instanceof Error ? error.message : String(error)
    } finally {
      client.end().catch(() => {})
    }
  }

  return async (backend) => {
    asking ??= ask().finally(() => {
      asking = null
    })
    const found = await asking
    if (found === null) return { state: 'working', reason: '' }
    if (typeof found === 'string') return { state: 'away', reason: found }
    if (backend !== null && found.has(backend)) return { state: 'working', reason: '' }
    return { state: 'idle', reason: 'it does not work on the statement' }
  }
}

/** Starting, or shutting down: the sessions of before are gone. Any other answer, like `too many clients`, says that it works. */
function isAway({ code }: pg.DatabaseError): boolean {
  return code?.startsWith('57P') ?? true
}
