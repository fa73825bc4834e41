import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // A row of an index holds 2,704 bytes at most, and a panel may hold longer names. A short name is its own key. The key
  // of a long one is longer than any short name, so that no name can be the key of another. SHA-256, since whoever
  // chooses names could find two of the same MD5. Text becomes bytes in the one way that PostgreSQL calls immutable.
  await sql`
    create function name_key(name text) returns text language sql immutable parallel safe as $$
      select case when length(name) <= 512 then name
        else left(name, 449) || encode(sha256(decode(replace(name, E'\\\\', E'\\\\\\\\'), 'escape')), 'hex')
      end
    $$`.execute(db)
  await sql`drop index admins_open_username, admins_username`.execute(db)
  await sql`create unique index admins_open_username on admins (name_key(username)) where closed_at is null`.execute(
    db,
  )
  await sql`create index admins_username on admins (name_key(username), id)`.execute(db)
  await sql`drop index tenures_key, tenures_open_username`.execute(db)
  await sql`
    create unique index tenures_key on tenures (name_key(username), created_at, coalesce(admin_id, 0))`.execute(
    db,
  )
  await sql`
    create unique index tenures_open_username on tenures (name_key(username)) where ended_at is null`.execute(
    db,
  )
  await sql`drop index deletions_once_a_parent`.execute(db)
  await sql`
    create unique index deletions_once_a_parent
    on deletions (parent_id, name_key(username), coalesce(created_at, '-infinity'))
    where parent_id is not null`.execute(db)

  await sql`
    create table unreadable_items (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('user', 'admin')),
      -- What no database holds in it is written as escapes; null: users of the account, however many, without a known name.
      name text,
      -- The account whose users were read when it was found; null: another reading found it.
      admin_id bigint references admins (id),
      reason text not null,
      since timestamptz not null default clock_timestamp(),
      -- The tick drawn before the panel was asked that said so last.
      asked bigint not null,
      constraint something_is_known check (name is not null or admin_id is not null)
    )`.execute(db)
  await sql`
    create unique index unreadable_items_key
    on unreadable_items (kind, coalesce(name_key(name), ''), (case when name is null then admin_id else 0 end))`.execute(
    db,
  )
  await sql`create index unreadable_items_admin on unreadable_items (admin_id)`.execute(db)

  // Where in its list the last scan of an admin found users that make the panel fail: the next one looks there first.
  await sql`alter table scans add column failing_at bigint[] not null default '{}'`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`alter table scans drop column failing_at`.execute(db)
  await sql`drop table unreadable_items`.execute(db)
  await sql`drop index deletions_once_a_parent`.execute(db)
  await sql`
    create unique index deletions_once_a_parent on deletions (parent_id, username, coalesce(created_at, '-infinity'))
    where parent_id is not null`.execute(db)
  await sql`drop index tenures_key, tenures_open_username`.execute(db)
  await sql`create unique index tenures_key on tenures (username, created_at, coalesce(admin_id, 0))`.execute(
    db,
  )
  await sql`create unique index tenures_open_username on tenures (username) where ended_at is null`.execute(
    db,
  )
  await sql`drop index admins_open_username, admins_username`.execute(db)
  await sql`create unique index admins_open_username on admins (username) where closed_at is null`.execute(db)
  await sql`create index admins_username on admins (username, id)`.execute(db)
  await sql`drop function name_key`.execute(db)
}
