import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // The panel says that it has set the counter back since the last reading; the next reading shows whether.
  await sql`alter table tenures add column reset_pending boolean not null default false`.execute(db)
  // The tick at which the last accepted reading was asked for: whoever waits since before that has been served by it.
  await sql`alter table tenures add column asked bigint not null default 0`.execute(db)
  await sql`alter table cumulative_traffic add column panel_asked bigint not null default 0`.execute(db)
  // When everything was last asked to be read. A tick tells what came before and after it, whoever sets the clock.
  await sql`alter table scan_round
    add column requested_at timestamptz,
    add column requested_tick bigint not null default 0`.execute(db)
  // From now on a request is there until the scan begins: two times of a clock that was set say nothing of what came first.
  await sql`update scans set requested_at = null where requested_at <= started_at`.execute(db)
  await sql`
    create table front_readings (
      id bigint generated always as identity primary key,
      purpose text not null check (purpose in ('reset_users', 'delete_admin')),
      -- Whose users are read; null: all.
      username text,
      -- The database session of the service that reads them: when that is gone, nobody does any more.
      worker text not null,
      started_at timestamptz not null default clock_timestamp(),
      finished_at timestamptz,
      users_done bigint not null default 0,
      users_total bigint
    )`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop table front_readings`.execute(db)
  await sql`alter table scan_round drop column requested_at, drop column requested_tick`.execute(db)
  await sql`alter table cumulative_traffic drop column panel_asked`.execute(db)
  await sql`alter table tenures drop column reset_pending, drop column asked`.execute(db)
}
