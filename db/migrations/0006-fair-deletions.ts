import { type Kysely, sql } from 'kysely'

/**
 * Indexes by what is asked for. A caller's name may be longer than an index takes: its hash is looked up, and what is found
 * is compared whole.
 */
const indexes: Record<string, string> = {
  deletions_open_bulks: `(hashtextextended(requested_by, 0), id) where kind <> 'user' and finished_at is null`,
  deletions_waiting: `(parent_id, attempts, id)
    where parent_id is not null and finished_at is null and claimed_by is null`,
  deletions_unfinished: '(parent_id, id) where parent_id is not null and finished_at is null',
  deletions_claimed: '(claimed_by) where claimed_by is not null',
  deletions_refused: `(hashtextextended(requested_by, 0), requested_at) where error_code = 'not_yours_or_unknown'`,
  // Lists are walked by state and kind, the newest first.
  deletions_listed: '(state, kind, requested_at, id)',
  deletions_of_admin: '(admin_id, state, kind, requested_at, id)',
  deletions_asked_by: '(hashtextextended(requested_by, 0), state, kind, requested_at, id)',
  deletions_of_parent: '(parent_id, state, requested_at, id) where parent_id is not null',
  deletions_of_parent_and_admin: '(parent_id, admin_id, state, requested_at, id) where parent_id is not null',
}

/** A caller may use a key once. */
const once = 'create unique index deletions_once on deletions'

/** What stood in the place of some of them before. */
const earlier: Record<string, string> = {
  deletions_of_parent: '(parent_id, state, id) where parent_id is not null',
  deletions_of_admin: '(admin_id, id)',
}

export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table deletions rename column only_status to only_statuses`.execute(db)
  await sql`
    alter table deletions
      alter column only_statuses type text[]
        using case when only_statuses is not null then array[only_statuses] end,
      -- Of a bulk deletion: when each of its users had a receipt, and how often they have been looked for.
      add column collected_at timestamptz,
      add column rounds integer not null default 0,
      -- It is not tried again before this; how often in a row it had to wait.
      add column resume_at timestamptz,
      add column attempts integer not null default 0,
      -- Of a user of a bulk deletion: the place that has taken it to delete it.
      add column claimed_by text,
      -- Of a bulk deletion: when one of its users was last taken, as deletion_turns counts.
      add column turn bigint not null default 0`.execute(db)

  // When whose turn it was, by the hash of a caller's name. The row without a caller counts them all: who changes it decides alone whose turn is next.
  await sql`create table deletion_turns (caller text primary key, turn bigint not null)`.execute(db)
  await sql`insert into deletion_turns values ('', 0)`.execute(db)

  await sql`drop index deletions_once`.execute(db)
  await sql`${sql.raw(once)} (md5(requested_by), idempotency_key)`.execute(db)
  for (const name of Object.keys(earlier)) await sql`drop index ${sql.ref(name)}`.execute(db)
  for (const [name, index] of Object.entries(indexes)) {
    await sql`create index ${sql.ref(name)} on deletions ${sql.raw(index)}`.execute(db)
  }
  await sql`create index tenures_of_admin_open on tenures (admin_id, id) where ended_at is null`.execute(db)
  await sql`create index tenures_of_admin_ended on tenures (admin_id, id) where ended_at is not null`.execute(
    db,
  )
  await sql`create index scans_failed on scans (started_at) where error_code is not null`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop index scans_failed`.execute(db)
  await sql`drop index tenures_of_admin_ended`.execute(db)
  await sql`drop index tenures_of_admin_open`.execute(db)
  for (const name of Object.keys(indexes)) await sql`drop index ${sql.ref(name)}`.execute(db)
  for (const [name, index] of Object.entries(earlier)) {
    await sql`create index ${sql.ref(name)} on deletions ${sql.raw(index)}`.execute(db)
  }
  await sql`drop index deletions_once`.execute(db)
  await sql`${sql.raw(once)} (requested_by, idempotency_key)`.execute(db)
  await sql`drop table deletion_turns`.execute(db)
  await sql`
    alter table deletions
      drop column turn, drop column claimed_by, drop column attempts, drop column resume_at,
      drop column rounds, drop column collected_at,
      alter column only_statuses type text using only_statuses[1]`.execute(db)
  await sql`alter table deletions rename column only_statuses to only_status`.execute(db)
}
