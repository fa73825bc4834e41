import { type RawBuilder, sql } from 'kysely'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import { carryOut, prepared, statement } from '../connection/together.ts'
import type { TenureSet } from './tenure-set.ts'

/** A user as the panel showed it, in what an answer can tell of a known user. */
export type ShownTenure = {
  username: string
  createdAt: string
  /** Bytes: its `lifetime_used_traffic`. */
  lifetime: bigint
  status: string
  dataLimit: bigint | null
  expire: bigint | null
}

const shownTenures = givenTable<ShownTenure>('seen', {
  username: ['text', (user) => user.username],
  created_at: ['timestamp', (user) => user.createdAt],
  lifetime: ['bigint', (user) => user.lifetime],
  status: ['text', (user) => user.status],
  data_limit: ['bigint', (user) => user.dataLimit],
  expire: ['bigint', (user) => user.expire],
})

/**
 * Which of these users of an admin are as the ledger has them, and when it has nothing of them since tick `begun`: the ids of
 * their tenures, by name. It locks nothing: whoever changes one of them meanwhile leaves a tick after `begun`, because that tick and
 * all of theirs are drawn with the account locked.
 */
export async function findUnchanged(
  db: Database,
  adminId: bigint,
  begun: bigint,
  users: readonly ShownTenure[],
): Promise<Map<string, bigint>> {
  const query = sql<{ id: bigint; username: string }>`
    select known.id, seen.username
    from ${shownTenures(users)}
    -- By their names, whatever the planner believes of the table's size.
    cross join lateral (
      select * from tenures
      where name_key(username) = name_key(seen.username) and created_at = seen.created_at
      offset 0
    ) as known
    where known.ended_at is null and known.admin_id = ${adminId} and known.reading = seen.lifetime
      and known.status = seen.status and known.data_limit is not distinct from seen.data_limit
      and known.expire is not distinct from seen.expire
      and not known.reset_pending and known.answered < ${begun}`
  const rows = await carryOut(db, prepared(statement(query)))
  return new Map(rows.map(({ id, username }) => [username, id]))
}

/** A scan under way. */
export type ScanSoFar = {
  /** The tick drawn before its first question. */
  begun: bigint
  /** The tenures that it has seen unchanged; see {@link findUnchanged}. */
  unchanged: Pick<TenureSet, 'toBits'>
}

/** Names of an admin's users with an open tenure that a scan has not read, in pages by id. */
export async function listUnseen(
  db: Database,
  adminId: bigint | null,
  scan: ScanSoFar,
  page: { after: bigint; limit: number },
): Promise<{ id: bigint; username: string }[]> {
  return db
    .selectFrom('tenures')
    .select(['id', 'username'])
    .$if(adminId !== null, (query) => query.where('admin_id', '=', adminId))
    .where('ended_at', 'is', null)
    .where(isUnseenBy(scan))
    .where('id', '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
}

/** Whether a scan has read all users of an admin that have an open tenure. */
export async function isEveryoneRead(tx: Tx, adminId: bigint, scan: ScanSoFar): Promise<boolean> {
  const unread = await tx
    .selectFrom('tenures')
    .select('id')
    .where('admin_id', '=', adminId)
    .where('ended_at', 'is', null)
    .where(isUnseenBy(scan))
    .limit(1)
    .executeTakeFirst()
  return unread === undefined
}

/** Its last reading was asked for before the scan began; and if the scan saw it unchanged, others changed it since. */
function isUnseenBy({ begun, unchanged }: ScanSoFar): RawBuilder<boolean> {
  const { first, last, bits } = unchanged.toBits()
  return sql<boolean>`
    asked < ${begun} and case when answered < ${begun} and id between ${first} and ${last}
      then get_bit(${bits}::bytea, id - ${first}) = 0 else true end`
}
