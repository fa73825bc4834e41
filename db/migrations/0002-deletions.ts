import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table deletions (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('user', 'users', 'admin')),
      state text not null check (
        state in ('requested', 'preserved', 'deleted', 'failed', 'gone', 'cancelled', 'incomplete')),
      parent_id bigint references deletions (id),
      -- Of a user: its name, and which of that name it is once that has been read.
      username text,
      created_at timestamp,
      -- The account that keeps the bytes, or whose users are deleted; null: none.
      admin_id bigint references admins (id),
      requested_by text not null,
      -- Users of other accounts are not deleted; null: the caller may delete anyone's.
      only_admin_id bigint references admins (id),
      only_status text,
      preserve_traffic boolean not null,
      final_reading bigint check (final_reading >= 0),
      preserved_bytes bigint check (preserved_bytes >= 0),
      total_traffic bigint check (total_traffic >= 0),
      error_code text,
      error text,
      idempotency_key text,
      request_hash text,
      requested_at timestamptz not null default clock_timestamp(),
      started_at timestamptz,
      preserved_at timestamptz,
      finished_at timestamptz,
      -- The database session of the service that works on it: when that is gone, another one takes over.
      worker text,
      cancel_requested_at timestamptz,
      constraint one_of_a_user check ((kind = 'user') = (username is not null)),
      constraint preserved_before_deleted check (
        kind <> 'user' or state <> 'deleted' or not preserve_traffic or preserved_at is not null),
      constraint finished_has_time check ((state in ('requested', 'preserved')) = (finished_at is null)),
      constraint finished_has_no_worker check (finished_at is null or worker is null)
    ) with (fillfactor = 80)`.execute(db)
  await sql`
    create unique index deletions_under_way on deletions (username)
    where kind = 'user' and worker is not null`.execute(db)
  await sql`create unique index deletions_once on deletions (requested_by, idempotency_key)`.execute(db)
  await sql`create index deletions_of_parent on deletions (parent_id, state, id) where parent_id is not null`.execute(
    db,
  )
  await sql`
    create unique index deletions_once_a_parent on deletions (parent_id, username, coalesce(created_at, '-infinity'))
    where parent_id is not null`.execute(db)
  await sql`create index deletions_of_admin on deletions (admin_id, id)`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop table deletions`.execute(db)
}
