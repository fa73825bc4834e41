import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // The logical clock. Postgres logs a sequence ahead of use, so no crash hands out a tick twice.
  await sql`create sequence ledger_clock as bigint`.execute(db)

  await sql`
    create table admins (
      id bigint generated always as identity primary key,
      username text not null,
      is_sudo boolean not null,
      answered bigint not null,
      first_seen_at timestamptz not null default clock_timestamp(),
      missing_since timestamptz,
      closed_at timestamptz
    )`.execute(db)
  await sql`create unique index admins_open_username on admins (username) where closed_at is null`.execute(db)
  await sql`create index admins_username on admins (username, id)`.execute(db)

  await sql`
    create table cumulative_traffic (
      admin_id bigint primary key references admins (id),
      total_traffic_consumed bigint not null default 0 check (total_traffic_consumed >= 0),
      last_updated timestamptz not null default clock_timestamp(),
      users_counted bigint not null default 0 check (users_counted >= 0),
      preserved_counted bigint not null default 0,
      panel_counted bigint not null default 0 check (panel_counted >= 0),
      panel_reading bigint check (panel_reading >= 0),
      panel_answered bigint not null default 0,
      panel_offset bigint not null default 0 check (panel_offset >= 0),
      snapshot bigint check (snapshot >= 0),
      snapshot_at timestamptz,
      opening_balance bigint not null default 0,
      opened_at timestamptz,
      read_at timestamptz,
      constraint total_proven_by_users check (total_traffic_consumed >= users_counted),
      constraint total_proven_by_panel check (total_traffic_consumed >= panel_counted + panel_offset),
      constraint preserved_within_users check (preserved_counted between 0 and users_counted),
      constraint opening_within_total check (opening_balance between 0 and total_traffic_consumed),
      constraint snapshot_has_time check ((snapshot is null) = (snapshot_at is null))
    ) with (fillfactor = 70)`.execute(db)
  await sql`create index cumulative_traffic_total on cumulative_traffic (total_traffic_consumed, admin_id)`.execute(
    db,
  )

  await sql`
    create function refuse_lower_total() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        raise exception 'the account of admin % must not be deleted: its total is kept for ever', old.admin_id
          using errcode = 'check_violation', constraint = 'total_never_decreases';
      end if;
      if new.admin_id <> old.admin_id
        or new.total_traffic_consumed < old.total_traffic_consumed
        or new.users_counted < old.users_counted
        or new.panel_counted < old.panel_counted
      then
        raise exception 'the total of admin % must never decrease', old.admin_id
          using errcode = 'check_violation', constraint = 'total_never_decreases';
      end if;
      return new;
    end $$`.execute(db)
  await sql`
    create trigger total_never_decreases before update or delete on cumulative_traffic
    for each row execute function refuse_lower_total()`.execute(db)

  await sql`
    create table account_users (
      admin_id bigint not null references admins (id),
      status text not null,
      users bigint not null check (users >= 0),
      primary key (admin_id, status)
    ) with (fillfactor = 70)`.execute(db)

  await sql`
    create table tenures (
      id bigint generated always as identity primary key,
      username text not null,
      created_at timestamp not null,
      admin_id bigint references admins (id),
      reading bigint not null check (reading >= 0),
      counted bigint not null check (counted >= 0),
      answered bigint not null,
      status text not null,
      data_limit bigint,
      expire bigint,
      ended_at timestamptz,
      ended_by text check (ended_by in ('panel', 'transfer', 'service')),
      constraint ended_has_reason check ((ended_at is null) = (ended_by is null))
    ) with (fillfactor = 80)`.execute(db)
  // An expression index, since NULLS NOT DISTINCT is PostgreSQL 15's.
  await sql`create unique index tenures_key on tenures (username, created_at, coalesce(admin_id, 0))`.execute(
    db,
  )
  await sql`create unique index tenures_open_username on tenures (username) where ended_at is null`.execute(
    db,
  )
  await sql`create index tenures_admin on tenures (admin_id, id)`.execute(db)

  await sql`
    create table traffic_hourly (
      admin_id bigint not null references admins (id),
      hour timestamptz not null,
      bytes bigint not null check (bytes > 0),
      primary key (admin_id, hour)
    )`.execute(db)

  await sql`
    create table scans (
      admin_id bigint primary key references admins (id),
      requested_at timestamptz,
      started_at timestamptz,
      finished_at timestamptz,
      panel_reading bigint,
      users_done bigint not null default 0,
      users_total bigint,
      error_code text,
      error text
    ) with (fillfactor = 70)`.execute(db)

  // One row: how the last poll of all admins went.
  await sql`
    create table panel_poll (
      id boolean primary key default true check (id),
      asked_tick bigint not null default 0,
      asked_at timestamptz,
      answered_at timestamptz,
      succeeded_asked_at timestamptz,
      admins bigint,
      has_admin_usage boolean,
      error_code text,
      error text
    )`.execute(db)
  await sql`insert into panel_poll default values`.execute(db)

  // One row: how far the scans that are due have come.
  await sql`
    create table scan_round (
      id boolean primary key default true check (id),
      started_at timestamptz,
      finished_at timestamptz,
      admins_done bigint not null default 0,
      admins_total bigint not null default 0,
      users_done bigint not null default 0,
      users_total bigint not null default 0
    )`.execute(db)
  await sql`insert into scan_round default values`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  for (const table of [
    'scan_round',
    'panel_poll',
    'scans',
    'traffic_hourly',
    'tenures',
    'account_users',
    'cumulative_traffic',
    'admins',
  ]) {
    await sql`drop table ${sql.table(table)}`.execute(db)
  }
  await sql`drop function refuse_lower_total`.execute(db)
  await sql`drop sequence ledger_clock`.execute(db)
}
