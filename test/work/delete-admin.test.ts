import { expect, it } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { settleAbandonedDeletions } from '../../src/work/abandoned-deletions.ts'
import { runBulkDeletion } from '../../src/work/bulk-deletion.ts'
import { createCuttable } from '../http/cuttable.ts'
import { useBulk } from '../support/bulk.ts'
import { pollAndScan, workOf } from '../support/deleting.ts'
import { accountOf } from '../support/ledger.ts'

const bulk = useBulk()
const { ctx, createUsers, request, run } = bulk

async function requestWhole() {
  createUsers(2)
  await pollAndScan(ctx)
  const account = await accountOf(ctx.db, bulk.admin)
  const { id } = await request({ wholeAdminId: account.id })
  return { account, id, path: `/api/admin/${bulk.admin}` }
}

/** Deletes the admin, and loses the database right after it, as a service that is killed. */
async function deleteUntilCut() {
  const { account, id, path } = await requestWhole()
  const database = createCuttable()
  const db = openDatabase({ url: await database.via(ctx.url) })
  ctx.panel.faults.add({ kind: 'hook', method: 'DELETE', path, before: () => database.cut() })
  const ended = runBulkDeletion({ ...workOf(ctx), db }, id)
  await expect(ended).rejects.toMatchObject({ code: 'database_unavailable' })
  await Promise.all([db.destroy(), database.close()])
  ctx.panel.faults.clear()
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
  return { account, id }
}

it('is found out to have happened when the service was killed right after it', async () => {
  const { id } = await deleteUntilCut()
  expect(await run(id)).toMatchObject({ state: 'deleted', total_traffic: 20n })
  await expect(accountOf(ctx.db, bulk.admin)).rejects.toThrow('no account')
})

it('does not take along an admin created anew under the name, whose users are not the old one’s', async () => {
  const { account, id } = await deleteUntilCut()
  ctx.panel.state.createAdmin(bulk.admin)
  const [fresh = ''] = createUsers(1, 3, 'fresh')
  expect(await run(id)).toMatchObject({ state: 'deleted', total_traffic: 20n })
  expect(ctx.panel.state.users.has(fresh)).toBe(true)
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(true)
  await pollAndScan(ctx)
  const anew = await accountOf(ctx.db, bulk.admin)
  expect(anew).toMatchObject({ total: 3n })
  expect(anew.id).not.toBe(account.id)
})

it('goes on where the panel has not heard of it', async () => {
  const { id, path } = await requestWhole()
  ctx.panel.faults.add({ kind: 'cut', method: 'DELETE', path, times: 1 })
  await expect(run(id)).rejects.toMatchObject({ code: 'panel_unreachable' })
  await settleAbandonedDeletions(workOf(ctx))
  const [late = ''] = createUsers(1, 5, 'late')
  expect(await run(id)).toMatchObject({ state: 'deleted', total_traffic: 25n })
  expect(ctx.panel.state.users.has(late)).toBe(false)
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
})
