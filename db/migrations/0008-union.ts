import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table cumulative_traffic
    -- What the panel's counter proves beyond the users.
    add column users_offset bigint not null default 0 check (users_offset >= 0),
    -- The tick at which the last complete scan of the users began, and what the counter said by then.
    add column scanned bigint not null default 0,
    add column scanned_reading bigint check (scanned_reading >= 0),
    -- From where to where the counter fell, until it has come back there.
    add column panel_fell_from bigint,
    add column panel_fell_to bigint,
    add constraint panel_fell check (panel_fell_to >= 0 and panel_fell_from > panel_fell_to),
    add constraint panel_fell_whole check ((panel_fell_from is null) = (panel_fell_to is null)),
    drop constraint total_proven_by_users,
    add constraint total_proven_by_users check (total_traffic_consumed >= users_counted + users_offset)`.execute(
    db,
  )
  await sql`alter table tenures
    -- The time of creation it had before somebody changed that.
    add column former_created_at timestamp,
    -- When the panel last showed the user, by the panel's clock.
    add column seen_at timestamptz,
    add column fell_from bigint,
    add column fell_to bigint,
    add constraint fell check (fell_to >= 0 and fell_from > fell_to),
    add constraint fell_whole check ((fell_from is null) = (fell_to is null))`.execute(db)
  await sql`
    create table events (
      id bigint generated always as identity primary key,
      type text not null,
      admin_id bigint references admins (id),
      username text,
      payload jsonb not null,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db)
  await sql`create index events_of_type on events (type, id)`.execute(db)
  await sql`create index events_of_admin on events (admin_id, type, id)`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop table events`.execute(db)
  await sql`
    alter table tenures
      drop column former_created_at, drop column seen_at, drop column fell_from, drop column fell_to`.execute(
    db,
  )
  await sql`alter table cumulative_traffic
    drop constraint total_proven_by_users,
    drop column users_offset,
    drop column scanned,
    drop column scanned_reading,
    drop column panel_fell_from,
    drop column panel_fell_to,
    add constraint total_proven_by_users check (total_traffic_consumed >= users_counted)`.execute(db)
}
