import { sql } from 'kysely'
import type { Tx } from './database.ts'

/** By how many the users of an admin in one status rise or fall; `deleted` counts those that are gone. */
export type UsersDelta = { adminId: bigint; status: string; by: number }

/** Adds to the kept numbers of users per admin and status. The accounts must be locked by the transaction. */
export async function addUsers(tx: Tx, deltas: readonly UsersDelta[]): Promise<void> {
  const risen = deltas.filter((delta) => delta.by > 0)
  const fallen = deltas.filter((delta) => delta.by < 0)
  if (risen.length > 0) {
    await sql`
      insert into account_users (admin_id, status, users) select * from ${rowsOf(risen)}
      on conflict (admin_id, status) do update set users = account_users.users + excluded.users`.execute(tx)
  }
  // Not in the same statement: the check that there are no fewer than none would refuse the proposed row.
  if (fallen.length > 0) {
    await sql`
      update account_users as kept set users = kept.users + delta.by
      from ${rowsOf(fallen)} as delta (admin_id, status, by)
      where kept.admin_id = delta.admin_id and kept.status = delta.status`.execute(tx)
  }
}

function rowsOf(deltas: readonly UsersDelta[]) {
  return sql`unnest(
    ${deltas.map((d) => d.adminId)}::bigint[],
    ${deltas.map((d) => d.status)}::text[],
    ${deltas.map((d) => d.by)}::bigint[]
  )`
}
