import { createLastingSession } from './lasting-session.ts'
import { databaseUnavailable } from './unavailable.ts'

/** A database session that lasts as long as this service: others see in the database whether it is still alive. */
export type WorkerSession = {
  /** What identifies the session now. A session that was lost is replaced by a new one. */
  id(): Promise<string>
  /** Notices whether the session, if there is one, has been lost without a word. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Condition of SQL that the session named by the column `worker` is alive, which one's own role may see. */
export const sessionIsAlive = `exists (
  select from pg_stat_activity
  where worker = pg_stat_activity.pid || ' ' || extract(epoch from pg_stat_activity.backend_start)
)`

/**
 * Condition of SQL that a service still works on a deletion: the session named by its column `worker` is alive. It has not
 * been silent for longer than the final reading, the deletion and the question after it can take, each at most twice
 * MARZBAN_TIMEOUT. A time that lies as far in the future, since the clock was set back, shows
 * nothing.
 */
export const workIsUnderWay = `(
  coalesce(preserved_at, started_at)
    between clock_timestamp() - interval '15 minutes' and clock_timestamp() + interval '15 minutes'
  and ${sessionIsAlive}
)`

/** Opens sessions at `url` when they are first needed. */
export function openWorkerSession(url: string): WorkerSession {
  const session = createLastingSession(url, 'marzban-ledger-worker', async (client) => {
    const { rows } = await client.query<{ id: string }>(`
      select pid || ' ' || extract(epoch from backend_start) as id
      from pg_stat_activity where pid = pg_backend_pid()`)
    return rows[0]?.id ?? ''
  })
  return {
    async id() {
      return (await session.open()).begun
    },
    async check() {
      const client = await session.opened()
      await client?.query('select 1').catch((error: unknown) => {
        throw databaseUnavailable(error)
      })
    },
    close: session.close,
  }
}
