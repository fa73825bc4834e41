import { type Kysely, sql } from 'kysely'

/** What a complete scan saw of users that had not changed is kept once for the account, no longer in a row of each. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table cumulative_traffic
      -- The tick at which the last complete scan ended.
      add column scan_ended bigint not null default 0,
      -- When the panel said so of them, at the earliest, by its own clock.
      add column scan_seen_at timestamptz`.execute(db)
  await sql`alter table scans add column complete boolean not null default false`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  // The version before finds in each row when its user was last seen.
  await sql`
    update tenures set answered = greatest(tenures.answered, scan_ended), asked = greatest(tenures.asked, scanned),
      seen_at = coalesce(scan_seen_at, seen_at)
    from cumulative_traffic as account
    where account.admin_id = tenures.admin_id and tenures.ended_at is null and tenures.answered < account.scanned`.execute(
    db,
  )
  await sql`alter table scans drop column complete`.execute(db)
  await sql`alter table cumulative_traffic drop column scan_ended, drop column scan_seen_at`.execute(db)
}
