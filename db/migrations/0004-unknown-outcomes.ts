import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Until when the panel may still carry out a deletion that it has not answered; kept when the deletion has ended.
  await sql`alter table deletions add column unknown_until timestamptz`.execute(db)
  await sql`
    update deletions set
      preserved_at = case when preserved_at is not null then greatest(preserved_at, requested_at) end,
      finished_at = case when finished_at is not null then greatest(finished_at, preserved_at, requested_at) end
    where preserved_at < requested_at or finished_at < requested_at or finished_at < preserved_at`.execute(db)
  await sql`
    alter table deletions
      drop constraint deletions_state_check,
      add constraint deletions_state_check check (state in
        ('requested', 'preserved', 'unknown', 'deleted', 'failed', 'gone', 'cancelled', 'incomplete')),
      drop constraint finished_has_time,
      add constraint finished_has_time check (
        (state in ('requested', 'preserved', 'unknown')) = (finished_at is null)),
      add constraint unknown_has_end check (state <> 'unknown' or unknown_until is not null),
      add constraint unknown_has_no_worker check (state <> 'unknown' or worker is null),
      add constraint times_in_order check (
        preserved_at >= requested_at and finished_at >= requested_at and finished_at >= preserved_at)`.execute(
    db,
  )

  // Of each name, and of each admin, one deletion at a time may be with the panel. A name can be longer than what an index
  // takes; its digest cannot.
  await sql`drop index deletions_under_way`.execute(db)
  await sql`
    create unique index deletions_under_way on deletions (md5(username))
    where kind = 'user' and (worker is not null or state = 'unknown')`.execute(db)
  await sql`
    create unique index deletions_of_admin_under_way on deletions (admin_id)
    where kind = 'admin' and (worker is not null or state = 'unknown')`.execute(db)
  // Deletions without an answer, for whoever finds the user or the admin gone.
  await sql`
    create index deletions_unanswered on deletions (md5(username))
    where kind = 'user' and unknown_until is not null and state in ('unknown', 'failed')`.execute(db)
  await sql`
    create index deletions_of_admin_unanswered on deletions (admin_id)
    where kind = 'admin' and unknown_until is not null and state in ('failed', 'incomplete')`.execute(db)
  // What may have to be settled, apart from the users of bulk deletions that wait for their turn.
  await sql`
    create index deletions_unsettled on deletions (id)
    where finished_at is null and (parent_id is null or state = 'unknown')`.execute(db)
}

export async function down(db: Kysely<never>): Promise<void> {
  await sql`drop index deletions_unsettled`.execute(db)
  await sql`drop index deletions_of_admin_unanswered`.execute(db)
  await sql`drop index deletions_unanswered`.execute(db)
  await sql`drop index deletions_of_admin_under_way`.execute(db)
  await sql`drop index deletions_under_way`.execute(db)
  await sql`
    update deletions set state = 'failed', finished_at = greatest(clock_timestamp(), requested_at, preserved_at)
    where state = 'unknown'`.execute(db)
  await sql`
    alter table deletions
      drop constraint times_in_order,
      drop constraint unknown_has_no_worker,
      drop constraint unknown_has_end,
      drop constraint finished_has_time,
      add constraint finished_has_time check ((state in ('requested', 'preserved')) = (finished_at is null)),
      drop constraint deletions_state_check,
      add constraint deletions_state_check check (
        state in ('requested', 'preserved', 'deleted', 'failed', 'gone', 'cancelled', 'incomplete'))`.execute(
    db,
  )
  await sql`alter table deletions drop column unknown_until`.execute(db)
  await sql`
    create unique index deletions_under_way on deletions (username)
    where kind = 'user' and worker is not null`.execute(db)
}
