import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table limits drop constraint limits_on_exceed_check`.execute(db)
  await sql`
    alter table limits
      add constraint limits_on_exceed_check check (on_exceed in ('notify', 'disable_users')),
      -- The gravest that was announced and is not over yet; null: nothing.
      add column announced text check (announced in ('warned', 'exceeded', 'expired'))`.execute(db)
  await sql`
    create table holds (
      admin_id bigint primary key references admins (id),
      -- Empty: its users are being enabled again.
      reasons text[] not null check (reasons <@ array['limit', 'expired', 'operator']),
      operator_reason text,
      operator_by text,
      operator_at timestamptz,
      -- When the first reason came, or the last one went.
      since timestamptz not null,
      -- Users that are still to be looked at, as far as it is known.
      remaining bigint not null default 0 check (remaining >= 0),
      -- What was announced of how it went; null: nothing since then.
      announced text check (announced in ('finished', 'failed')),
      constraint operator_whole check (
        ('operator' = any(reasons)) = (operator_at is not null)
        and num_nulls(operator_reason, operator_by, operator_at) in (0, 3)
      )
    )`.execute(db)
  await sql`
    create table held_users (
      id bigint generated always as identity primary key,
      admin_id bigint not null references admins (id),
      username text not null,
      created_at timestamp not null,
      state text not null check (state in ('planned', 'held', 'restored', 'gone', 'kept')),
      -- What it is given back.
      status text not null check (status in ('active', 'on_hold')),
      on_hold_duration bigint,
      on_hold_timeout text,
      planned_at timestamptz not null,
      ended_at timestamptz,
      -- Whether a request to disable it may have reached the panel, and no answer said so.
      is_unclear boolean not null default false,
      -- When to look at it once more after it was enabled.
      look_at timestamptz,
      error_code text,
      error text,
      constraint ended_whole check ((state in ('planned', 'held')) = (ended_at is null)),
      constraint error_whole check ((error_code is null) = (error is null))
    )`.execute(db)
  await sql`
    create unique index one_open_row on held_users (name_key(username), created_at)
    where ended_at is null`.execute(db)
  await sql`
    create index held_of_admin on held_users (admin_id, id)
    where ended_at is null or look_at is not null`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop table held_users`.execute(db)
  await sql`drop table holds`.execute(db)
  await sql`update limits set on_exceed = 'notify'`.execute(db)
  await sql`
    alter table limits drop column announced, drop constraint limits_on_exceed_check,
      add constraint limits_on_exceed_check check (on_exceed in ('notify'))`.execute(db)
}
