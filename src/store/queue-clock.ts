import { sql } from 'kysely'
import type { Database } from './database.ts'

/** The clock of the queues. */
export type QueueClock = {
  /** Makes the queues, which are there, go by it. */
  use(): Promise<void>
  /** Notices whether the database's clock has been set back: to be called every few seconds, by every service. */
  keep(): Promise<void>
}

/**
 * A clock that follows the database's and is never set back: the queues wait until the times that they have stored have
 * come. With the database's own clock set back an hour, whatever is due would be due in an hour, nobody would look after
 * the queues until then, and what a service that was killed was working on would seem to be worked on for as long.
 */
export function createQueueClock(db: Database): QueueClock {
  return {
    use: () =>
      db.transaction().execute(async (tx) => {
        // One replica at a time.
        await sql`select from queue_clock for update`.execute(tx)
        // The one function by which pg-boss reads the time.
        await sql`
          create or replace function pgboss.job_now() returns timestamptz language sql stable
            as 'select queue_now()'`.execute(tx)
      }),
    keep: async () => {
      await sql`
        update queue_clock set
          behind = behind + greatest(latest - clock_timestamp(), interval '0'), latest = clock_timestamp()`.execute(
        db,
      )
    },
  }
}
