import { findOpenAccount } from '../../src/store/accounts/queries.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { type Caller, operator } from '../../src/work/callers/caller.ts'
import { createDeletions } from '../../src/work/deleting/deletions.ts'
import type { DeletionDeps } from '../../src/work/deleting/request.ts'
import { requestBulkDeletion } from '../../src/work/deleting/request-deletion.ts'
import { claim } from './books.ts'
import { type Admin, users } from './cast.ts'

/** An admin asks for the deletion of users by their names, under a key that it may have used before. */
export async function deleteOwnUsers(deps: DeletionDeps, admin: Admin, key: string): Promise<void> {
  const account = await findOpenAccount(deps.db, admin)
  if (!account) return
  const adminId = account.id
  const caller: Caller = { kind: 'admin', name: admin, isSudo: false, adminId, token: admin }
  const { scope } = await requestBulkDeletion(deps, caller, { usernames: [...users] }, key)
  claim(scope.adminId === adminId, `${admin} asked for the deletion of its users, and got one of other users`)
}

/** The operator stops a bulk deletion that has not ended. */
export async function cancelDeletion(deps: DeletionDeps, pick: number): Promise<void> {
  const open = await listBulks(deps.db)
  const id = open[pick % Math.max(1, open.length)]
  if (id !== undefined) await createDeletions(deps).cancel(operator, id)
}

async function listBulks(db: Database): Promise<bigint[]> {
  const rows = await db
    .selectFrom('deletions')
    .select('id')
    .where('kind', '<>', 'user')
    .where('finished_at', 'is', null)
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => id)
}
