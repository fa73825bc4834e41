import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table api_keys (
      id bigint generated always as identity primary key,
      name text not null,
      role text not null check (role in ('sudo', 'admin', 'metrics')),
      access text not null check (access in ('read', 'write')),
      -- The account that it acts for.
      admin_id bigint references admins (id),
      -- SHA-256. The secret itself is nowhere.
      secret_hash bytea not null check (octet_length(secret_hash) = 32),
      created_at timestamptz not null default clock_timestamp(),
      created_by text not null,
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      revoked_by text,
      constraint account_of_admin check ((role = 'admin') = (admin_id is not null)),
      constraint metrics_only_read check (role <> 'metrics' or access = 'read'),
      constraint revoked_whole check ((revoked_at is null) = (revoked_by is null))
    )`.execute(db)
  await sql`create index keys_of_admin on api_keys (admin_id, id)`.execute(db)
  // Who has changed what: written with the change.
  await sql`
    create table audit (
      id bigint generated always as identity primary key,
      changed_at timestamptz not null default clock_timestamp(),
      caller text not null,
      action text not null,
      -- Null: it is about no account.
      admin_id bigint references admins (id),
      -- Null: there was nothing.
      before jsonb,
      -- Null: there is nothing any more.
      after jsonb
    )`.execute(db)
  await sql`create index audit_of_admin on audit (admin_id, id)`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop table audit`.execute(db)
  await sql`drop table api_keys`.execute(db)
}
