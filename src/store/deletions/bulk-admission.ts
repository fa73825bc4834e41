import { sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'

/** Which of `usernames` the ledger knows as users that exist now. `adminId`: only users of this account; null: of any. */
export async function findKnownUsers(
  db: Database,
  usernames: readonly string[],
  adminId: bigint | null,
): Promise<Set<string>> {
  const { rows } = await sql<{ username: string }>`
    select named.username
    from unnest(${[...usernames]}::text[]) as named (username)
    cross join lateral (
      select from tenures
      where name_key(tenures.username) = name_key(named.username) and ended_at is null
        and (${adminId}::bigint is null or admin_id = ${adminId})
      offset 0
    ) as known`.execute(db)
  return new Set(rows.map(({ username }) => username))
}

/** What a caller has asked for so far that counts against its limits. */
export type BulkLoad = {
  /** Its bulk deletions that have not ended, and the users in them that have not. */
  bulks: number
  users: number
  /** Names that were refused within the last hour. */
  refused: number
}

/** Makes requests of one caller for bulk deletions wait for each other, until the transaction ends. */
export async function lockCaller(tx: Tx, requestedBy: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`bulk deletions of ${requestedBy}`}, 0))`.execute(
    tx,
  )
}

export async function readBulkLoad(db: Database | Tx, requestedBy: string): Promise<BulkLoad> {
  const { rows } = await sql<{ bulks: bigint; users: bigint; refused: bigint }>`
    with bulks as materialized (
      select id, admin_id, only_statuses, collected_at from deletions
      where hashtextextended(requested_by, 0) = hashtextextended(${requestedBy}, 0) and requested_by = ${requestedBy}
        and kind <> 'user' and finished_at is null
    )
    select count(*) as bulks, coalesce(sum(users), 0)::bigint as users, (
      select count(*) from deletions
      where hashtextextended(requested_by, 0) = hashtextextended(${requestedBy}, 0) and requested_by = ${requestedBy}
        and error_code = 'not_yours_or_unknown'
        and requested_at between clock_timestamp() - interval '1 hour' and clock_timestamp()
    ) as refused
    from bulks
    cross join lateral (
      select (select count(*) from deletions where parent_id = bulks.id and finished_at is null)
        -- Whose users have no receipts yet has as many as its account.
        + case when collected_at is null then coalesce((
          select sum(users) from account_users where account_users.admin_id = bulks.admin_id and status <> 'deleted'
            and (only_statuses is null or status = any(only_statuses))), 0)
          else 0 end as users
    ) as load`.execute(db)
  const [row] = rows
  return { bulks: Number(row?.bulks), users: Number(row?.users), refused: Number(row?.refused) }
}
