import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // One row: the latest time seen on the database's clock, and how far that has been set back in all.
  await sql`
    create table queue_clock (
      id boolean primary key default true check (id),
      latest timestamptz not null default clock_timestamp(),
      behind interval not null default '0'
    )`.execute(db)
  await sql`insert into queue_clock default values`.execute(db)
  // Until it is noticed that the clock was set back, this one stands still.
  await sql`
    create function queue_now() returns timestamptz language sql stable as $$
      select greatest(now(), latest) + behind from queue_clock
    $$`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`
    do $do$ begin
      if to_regprocedure('pgboss.job_now()') is not null then
        create or replace function pgboss.job_now() returns timestamptz language sql stable
          as 'select pg_catalog.now()';
      end if;
    end $do$`.execute(db)
  await sql`drop function queue_now`.execute(db)
  await sql`drop table queue_clock`.execute(db)
}
