import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Never the same number again, also where a limit is removed and set anew: callers compare versions.
  await sql`create sequence limit_versions`.execute(db)
  await sql`
    create table limits (
      admin_id bigint primary key references admins (id),
      version bigint not null default nextval('limit_versions'),
      -- Null: no limit of traffic, but perhaps one of time.
      traffic_limit bigint check (traffic_limit > 0),
      count_from text not null check (count_from in ('now', 'beginning')),
      -- All three null: a prepaid package, which has a single period.
      period_unit text check (period_unit in ('day', 'week', 'month')),
      anchor_day integer check (anchor_day between 1 and 31),
      timezone text,
      carry_over text not null check (carry_over in ('none', 'debt', 'all')),
      valid_until timestamptz,
      warn_at integer[] not null,
      on_exceed text not null check (on_exceed in ('notify')),
      -- When the end of the validity was announced; a new end is announced anew.
      expired_at timestamptz,
      changed_at timestamptz not null,
      changed_by text not null,
      constraint period_whole check (num_nulls(period_unit, anchor_day, timezone) in (0, 3))
    )`.execute(db)
  await sql`
    create table limit_periods (
      id bigint generated always as identity primary key,
      admin_id bigint not null references admins (id),
      starts_at timestamptz not null,
      -- Null: a prepaid package that has not ended.
      ends_at timestamptz,
      -- Null: not known before the opening balance of the account is closed.
      total_at_start bigint check (total_at_start >= 0),
      carried bigint not null default 0,
      -- The sum of the grants that are not revoked.
      granted bigint not null default 0,
      closed_at timestamptz,
      total_at_end bigint,
      -- What could be used; null: no limit of traffic.
      allowance_at_end bigint,
      constraint ends_after_start check (ends_at >= starts_at),
      constraint closed_whole check (
        closed_at is null and num_nonnulls(total_at_end, allowance_at_end) = 0
        or closed_at is not null and num_nulls(ends_at, total_at_start, total_at_end) = 0
          and total_at_end >= total_at_start
      )
    )`.execute(db)
  await sql`create unique index one_open_period on limit_periods (admin_id) where closed_at is null`.execute(
    db,
  )
  await sql`create index periods_of_admin on limit_periods (admin_id, id)`.execute(db)
  await sql`
    create table limit_grants (
      id bigint generated always as identity primary key,
      admin_id bigint not null references admins (id),
      period_id bigint not null references limit_periods (id),
      bytes bigint not null check (bytes <> 0),
      note text,
      reference text,
      created_at timestamptz not null,
      created_by text not null,
      revoked_at timestamptz,
      revoked_by text,
      unique (admin_id, reference),
      constraint revoked_whole check ((revoked_at is null) = (revoked_by is null))
    )`.execute(db)
  await sql`create index grants_of_admin on limit_grants (admin_id, id)`.execute(db)
  await sql`
    create table limit_crossings (
      id bigint generated always as identity primary key,
      admin_id bigint not null references admins (id),
      period_id bigint not null references limit_periods (id),
      version bigint not null,
      kind text not null check (kind in ('warned', 'exceeded', 'expired')),
      -- Percent of a warning; 100 for the others.
      threshold integer not null check (threshold between 1 and 100),
      total bigint not null,
      crossed_at timestamptz not null,
      unique (admin_id, period_id, version, kind, threshold)
    )`.execute(db)
  // Kept here, and not with the limit: whoever waits for the lock of an account reads them as they are then.
  await sql`
    alter table cumulative_traffic
      -- The limit has to be judged again when the total has come here; null: whatever the total is, it has not.
      add column judge_total bigint,
      -- Or when this time has come.
      add column judge_time timestamptz`.execute(db)
  await sql`
    create index limits_due on cumulative_traffic (judge_time) where judge_time is not null`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`alter table cumulative_traffic drop column judge_total, drop column judge_time`.execute(db)
  await sql`drop table limit_crossings`.execute(db)
  await sql`drop table limit_grants`.execute(db)
  await sql`drop table limit_periods`.execute(db)
  await sql`drop table limits`.execute(db)
  await sql`drop sequence limit_versions`.execute(db)
}
