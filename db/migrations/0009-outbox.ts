import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // What has to happen because of a change: written with the change, removed when a queue has it.
  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      kind text not null,
      payload jsonb not null,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db)
  await sql`
    alter table deletions add constraint one_of_an_admin check (kind <> 'admin' or admin_id is not null)`.execute(
    db,
  )
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`alter table deletions drop constraint one_of_an_admin`.execute(db)
  await sql`drop table outbox`.execute(db)
}
