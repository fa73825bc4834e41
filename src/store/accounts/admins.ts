import { sql } from 'kysely'
import type { Ticks } from '../../ledger/counter.ts'
import type { Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import { keysOf } from '../connection/name-key.ts'
import { prepared, type Statement, statement } from '../connection/together.ts'

/** An admin as the panel names it. */
export type AdminName = { username: string; isSudo: boolean }

const givenAdmins = givenTable<AdminName>('seen', {
  username: ['text', ({ username }) => username],
  is_sudo: ['boolean', ({ isSudo }) => isSudo],
})

/**
 * The ids of the open accounts of `admins`, by username; accounts that are missing are opened with everything that
 * belongs to them. An answer asked for before an account of that name was closed opens none: its name has no id.
 *
 * @param known those that are open already; see {@link findingOpenAccounts}.
 */
export async function openMissingAccounts(
  tx: Tx,
  admins: readonly AdminName[],
  known: Map<string, bigint>,
  ticks: Ticks,
): Promise<Map<string, bigint>> {
  const unknown = admins.filter((admin) => !known.has(admin.username))
  if (unknown.length === 0) return known
  unknown.sort((a, b) => (a.username < b.username ? -1 : 1))
  const { rows } = await sql<{ id: bigint; username: string }>`
    with opened as (
      insert into admins (username, is_sudo, answered)
      select seen.username, seen.is_sudo, ${ticks.answered}
      from ${givenAdmins(unknown)}
      where not exists (
        select from admins as closed
        where name_key(closed.username) = name_key(seen.username) and closed.closed_at is not null and closed.answered >= ${ticks.asked}
      )
      returning id, username
    ), traffic as (
      insert into cumulative_traffic (admin_id) select id from opened
    ), scan as (
      insert into scans (admin_id) select id from opened
    )
    select id, username from opened`.execute(tx)
  for (const { id, username } of rows) known.set(username, id)
  return known
}

/** Reads the ids of the open accounts of these admins, by username. */
export function findingOpenAccounts(usernames: readonly string[]): Statement<Map<string, bigint>> {
  const query = sql<{ id: bigint; username: string }>`
    select id, username from admins where name_key(username) = ${keysOf(usernames)} and closed_at is null`
  return prepared(statement(query, (rows) => new Map(rows.map((row) => [row.username, row.id]))))
}

/** Notes that the panel listed `admins`: whether each is sudo, and that it is not missing. Writes only what changed. */
export async function markPresent(tx: Tx, admins: readonly AdminName[], ticks: Ticks): Promise<void> {
  await sql`
    update admins set is_sudo = seen.is_sudo, missing_since = null, answered = ${ticks.answered}
    from ${givenAdmins(admins)}
    where name_key(admins.username) = name_key(seen.username) and closed_at is null and answered < ${ticks.asked}
      and (admins.is_sudo <> seen.is_sudo or missing_since is not null)`.execute(tx)
}

/** Notes since when the panel no longer lists the admins that are not among `usernames`, a complete list. */
export async function markMissing(
  tx: Tx,
  usernames: readonly string[],
  ticks: Ticks,
  at: Date,
): Promise<void> {
  await sql`
    update admins set missing_since = ${at}, answered = ${ticks.answered}
    where ${isUnlisted(usernames, ticks)}`.execute(tx)
}

/** Reads the names of the admins of whom {@link markMissing} would note that. */
export async function findUnlisted(tx: Tx, usernames: readonly string[], ticks: Ticks): Promise<string[]> {
  const { rows } = await sql<{ username: string }>`
    select username from admins where ${isUnlisted(usernames, ticks)}`.execute(tx)
  return rows.map(({ username }) => username)
}

function isUnlisted(usernames: readonly string[], { asked }: Ticks) {
  return sql`closed_at is null and missing_since is null and answered < ${asked}
    and username <> all(${usernames}::text[])`
}

/** Closes the account of an admin that was deleted: its total stays, a later admin of its name gets another account. */
export async function closeAccount(tx: Tx, adminId: bigint, ticks: Ticks, at: Date): Promise<void> {
  await tx
    .updateTable('admins')
    .set({ closed_at: at, answered: ticks.answered })
    .where('id', '=', adminId)
    .where('closed_at', 'is', null)
    .execute()
}
