import { expect, test } from 'vitest'
import { countChildren } from '../../../src/store/deletions/bulk-deletions.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import type { Caller } from '../../../src/work/callers/caller.ts'
import { advanceBulkDeletion } from '../../../src/work/deleting/bulk-deletion.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { takeTurns } from '../../../src/work/deleting/deletion-turns.ts'
import { captivePortal } from '../../stand-in/faults.ts'
import { useBulk } from '../../support/bulk.ts'
import { carryOut, passRests } from '../../support/carry-out.ts'
import { asOperator, connect, pollAndScan, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const bulk = useBulk()
const { ctx, createUsers, request, run, childrenOf } = bulk

const places = ['place 1', 'place 2', 'place 3', 'place 4']
/** Bulk deletions that had to be looked at again, and after how many seconds. */
let again: { id: bigint; afterSeconds: number }[] = []
const lookAgain = async ({ id }: { id: bigint }, afterSeconds: number) =>
  void again.push({ id, afterSeconds })
const takeAllTurns = async () => {
  again = []
  await Promise.all(places.map((place) => takeTurns({ ...workOf(ctx), lookAgain }, place)))
}

async function ask(name: string, users: number, deletions = 1): Promise<void> {
  const open = await prepare(name, users, deletions)
  await open()
}

/** A reseller beside the one of the test, with users of its own; what is returned asks for their deletion. */
async function prepare(name: string, users: number, deletions = 1): Promise<() => Promise<void>> {
  const admin = `${bulk.admin}_${name}`
  if (!ctx.panel.state.admins.has(admin)) ctx.panel.state.createAdmin(admin)
  const usernames = Array.from({ length: users }, (_, index) => `${admin}_${index}`)
  for (const username of usernames) ctx.panel.state.createUser(username, { admin })
  await pollAndScan(ctx)
  const { id: adminId } = await accountOf(ctx.db, admin)
  const caller: Caller = {
    kind: 'admin',
    name: admin,
    isSudo: false,
    adminId,
    token: 'not shown to the panel',
  }
  const each = users / deletions
  return async () => {
    for (let index = 0; index < deletions; index += 1) {
      const { id } = await request({ usernames: usernames.slice(index * each, (index + 1) * each) }, caller)
      await advanceBulkDeletion(workOf(ctx), id)
    }
  }
}

/** Whose users were deleted, in the order in which the panel heard of them. */
const deletedOf = () =>
  ctx.panel.requests
    .filter(({ method }) => method === 'DELETE')
    .map(({ path }) => /_([a-z]+)_\d+$/.exec(path)?.[1])

test('are taken by callers, not by what they ask for: three users do not wait for a hundred', async () => {
  await ask('large', 100)
  const open = await prepare('small', 3)
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    skip: 20,
    times: 1,
    before: open,
  })
  await takeAllTurns()
  const order = deletedOf()
  expect(order).toHaveLength(103)
  const first = order.indexOf('small')
  // One turn of the other caller lies between two, and one may have begun in each place before.
  expect(order.lastIndexOf('small') - first).toBeLessThanOrEqual(12)
})

test('come round to every caller, however many deletions one has open', async () => {
  await ask('many', 30, 10)
  await ask('few', 6)
  await takeAllTurns()
  const order = deletedOf()
  expect(order.slice(0, 20).filter((name) => name === 'few')).toHaveLength(6)
})

test('come round to every deletion of a caller', async () => {
  await ask('two', 40, 2)
  await takeTurns({ ...workOf(ctx), lookAgain }, 'place 1')
  const halves = ctx.panel.requests
    .filter(({ method }) => method === 'DELETE')
    .map(({ path }) => Number(/_(\d+)$/.exec(path)?.[1]) < 20)
  for (const [index, half] of halves.entries()) expect(half).toBe(index % 2 === 0)
})

test('leave a user whose reading fails for last, and its deletion says why it waits until that is over', async () => {
  const usernames = createUsers(12)
  await pollAndScan(ctx)
  const { id } = await request({ usernames })
  await advanceBulkDeletion(workOf(ctx), id)
  ctx.panel.faults.add({ ...captivePortal, method: 'GET', path: `/api/user/${usernames[0]}` })
  for (let tries = 0; tries < 3; tries += 1) {
    await passRests(ctx.db)
    await takeAllTurns()
  }
  expect(await countChildren(ctx.db, id)).toEqual({ deleted: 11, requested: 1 })
  expect(await findDeletion(ctx.db, id)).toMatchObject({
    state: 'requested',
    error: { code: 'panel_bad_answer', message: expect.stringContaining('text/html') },
  })
  expect(again).toEqual([{ id, afterSeconds: expect.any(Number) }])
  expect(again[0]?.afterSeconds).toBeGreaterThan(1)
  ctx.panel.faults.clear()
  expect(await run(id)).toMatchObject({ state: 'deleted', error: null })
})

test('rest for longer each time that the panel is away, a minute at most', async () => {
  const { id } = await request({ usernames: createUsers(8) })
  await advanceBulkDeletion(workOf(ctx), id)
  await ctx.panel.down()
  const rests: number[] = []
  for (let tries = 0; tries < 8; tries += 1) {
    await passRests(ctx.db)
    await takeAllTurns()
    rests.push(Math.round(Math.max(...again.map(({ afterSeconds }) => afterSeconds))))
  }
  expect(rests).toEqual([2, 4, 8, 16, 32, 60, 60, 60])
  await ctx.panel.up()
  expect(await run(id)).toMatchObject({ state: 'deleted' })
})

test('pass over a user whom somebody else is deleting, and come back to it', async () => {
  const [busy = '', ...others] = createUsers(3)
  await pollAndScan(ctx)
  const { id } = await request({ usernames: [busy, ...others] })
  await advanceBulkDeletion(workOf(ctx), id)
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    path: `/api/user/${busy}`,
    times: 1,
    before: () => takeAllTurns(),
  })
  // All turns are taken while the panel is asked, however long that takes here.
  const patient = connect(ctx.panel, ctx.now, 60_000)
  await deleteUser({ ...workOf(ctx), panel: patient }, asOperator(busy))
  await patient.close()
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'requested', error: { code: 'conflict' } })
  expect(await countChildren(ctx.db, id)).toEqual({ deleted: 2, requested: 1 })
  expect(await run(id)).toMatchObject({ state: 'deleted', error: null })
  expect(await childrenOf(id)).toContainEqual(expect.objectContaining({ username: busy, state: 'gone' }))
})

test('are taken up again at a place that was stopped in the middle of one', async () => {
  const [username = ''] = createUsers(1)
  await pollAndScan(ctx)
  const { id } = await request({ usernames: [username] })
  await advanceBulkDeletion(workOf(ctx), id)
  await ctx.db.updateTable('deletions').set({ claimed_by: 'place 3' }).where('parent_id', '=', id).execute()
  await takeTurns({ ...workOf(ctx), lookAgain }, 'place 1')
  expect(await countChildren(ctx.db, id)).toEqual({ requested: 1 })
  await carryOut(workOf(ctx), id)
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'deleted' })
})
