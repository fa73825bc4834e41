import { sql } from 'kysely'
import type { Tx } from '../connection/database.ts'

/** By how many the users of an admin in one status rise or fall; `deleted` counts those that are gone. */
export type UsersDelta = { adminId: bigint; status: string; by: number }

/** Adds to the kept numbers of users, for each admin and status at most once. The accounts must be locked by the transaction. */
export async function addUsers(tx: Tx, deltas: readonly UsersDelta[]): Promise<void> {
  const risen = deltas.filter((delta) => delta.by > 0)
  const fallen = deltas.filter((delta) => delta.by < 0)
  if (deltas.length === 0) return
  // The insertion proposes no row that falls: the check that there are no fewer users than none would refuse it.
  await sql`
    with kept as (
      update account_users as kept set users = kept.users + delta.by
      from ${rowsOf(fallen)} as delta (admin_id, status, by)
      where kept.admin_id = delta.admin_id and kept.status = delta.status
    )
    insert into account_users (admin_id, status, users) select * from ${rowsOf(risen)}
    on conflict (admin_id, status) do update set users = account_users.users + excluded.users`.execute(tx)
}

function rowsOf(deltas: readonly UsersDelta[]) {
  return sql`unnest(
    ${deltas.map((d) => d.adminId)}::bigint[],
    ${deltas.map((d) => d.status)}::text[],
    ${deltas.map((d) => d.by)}::bigint[]
  )`
}
