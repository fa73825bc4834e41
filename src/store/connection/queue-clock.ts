import { sql } from 'kysely'
import type { Database } from './database.ts'

/** The clock of the queues, which have to be there. */
export type QueueClock = {
  /** Makes the queues go by it. */
  use(): Promise<void>
  /** Notices whether the database's clock has been set back: to be called every few seconds, by every service. */
  keep(): Promise<void>
}

/**
 * A clock that follows the database's and is never set back: the queues wait until the times that they have stored have
 * come. With the database's own clock set back an hour, whatever is due would be due in an hour, the queues would not be served
 * until then, and what a service that was killed was working on would seem to be worked on for as long.
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
      // A clock that was set forward and back between two looks shows in what the queues have stored meanwhile: when
      // something was done last, which decides what is to be done next.
      await sql`
        update queue_clock set
          behind = greatest(behind, latest + behind - clock, stored - clock), latest = clock
        from (select clock_timestamp() as clock) as database, (
          select greatest(
            (select max(greatest(created_on, started_on, heartbeat_on)) from pgboss.job),
            (select max(greatest(monitor_claim_on, monitor_on, maintain_on)) from pgboss.queue),
            (select greatest(cron_on, bam_on, flow_on, reindex_on) from pgboss.version)
          ) as stored
        ) as queues`.execute(db)
    },
  }
}
