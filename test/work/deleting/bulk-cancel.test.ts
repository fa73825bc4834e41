import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { countChildren, requestCancel } from '../../../src/store/deletions/bulk-deletions.ts'
import { advanceBulkDeletion } from '../../../src/work/deleting/bulk-deletion.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { useBulk } from '../../support/bulk.ts'
import { pollAndScan, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'
import { keepOpen, untilWaiting } from '../../support/locks.ts'

const bulk = useBulk()
const { ctx, createUsers, request, run, childrenOf } = bulk

test('stops when it is cancelled: what is not deleted yet stays', async () => {
  const usernames = createUsers(30)
  const { id } = await request({ usernames })
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    skip: 3,
    times: 1,
    before: () => requestCancel(ctx.db, id),
  })
  expect(await run(id)).toMatchObject({ state: 'cancelled' })
  const counts = await countChildren(ctx.db, id)
  expect(counts.deleted).toBeLessThan(12)
  expect((counts.deleted ?? 0) + (counts.cancelled ?? 0)).toBe(30)
  expect(ctx.panel.state.users.size).toBe(counts.cancelled)
})

test('does not wait for a panel that is away', async () => {
  createUsers(3)
  await pollAndScan(ctx)
  const { id: adminId } = await accountOf(ctx.db, bulk.admin)
  const { id } = await request({ adminId, statuses: null })
  await ctx.panel.down()
  await requestCancel(ctx.db, id)
  expect(await run(id)).toMatchObject({ state: 'cancelled' })
  await ctx.panel.up()
  expect(ctx.panel.state.users.size).toBe(3)
})

test.each([
  ['was deleted', true, 'deleted'],
  ['is still there', false, 'failed'],
])('finds out of a user under way that it %s', async (_, acts, state) => {
  const [username = ''] = createUsers(1)
  const { id } = await request({ usernames: [username] })
  ctx.panel.faults.add({ kind: 'cut', acts, method: 'DELETE' })
  ctx.panel.faults.add({ kind: 'cut', method: 'GET', path: `/api/user/${username}`, skip: 1 })
  expect(await run(id)).toMatchObject({ state: 'requested', error: { code: 'panel_unreachable' } })
  await requestCancel(ctx.db, id)
  await expect(run(id)).rejects.toMatchObject({ code: 'conflict' })
  ctx.panel.faults.clear()
  await bulk.settle()
  expect(await run(id)).toMatchObject({ state: 'cancelled' })
  expect(await childrenOf(id)).toMatchObject([{ username, state }])
  expect(ctx.panel.state.users.has(username)).toBe(!acts)
})

test('leaves no receipt open of a user that comes back to wait for its turn meanwhile', async () => {
  const [interrupted = '', waiting = ''] = createUsers(2)
  const { id } = await request({ usernames: [interrupted, waiting] })
  const receiptOf = (username: string) => sql`parent_id = ${id} and username = ${username}`
  await sql`
    update deletions set state = 'unknown', error_code = 'interrupted', error = 'x', preserved_at = clock_timestamp(),
      unknown_until = clock_timestamp() where ${receiptOf(interrupted)}`.execute(ctx.db)
  await requestCancel(ctx.db, id)
  const holding = await keepOpen(ctx.db, (tx) =>
    sql`select from deletions where ${receiptOf(waiting)} for update`.execute(tx),
  )
  const cancelling = advanceBulkDeletion(workOf(ctx), id)
  await untilWaiting(ctx.db, 1)
  await settleDeletions(workOf(ctx))
  expect(await countChildren(ctx.db, id)).toEqual({ requested: 2 })
  await holding.commit()
  expect(await cancelling).toBe(false)
  expect(await run(id)).toMatchObject({ state: 'cancelled' })
  expect(await countChildren(ctx.db, id)).toEqual({ cancelled: 2 })
})
