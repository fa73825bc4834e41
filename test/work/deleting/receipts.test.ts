import type { Insertable } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openWorkerSession } from '../../../src/store/connection/worker-session.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import type { DeletionsTable } from '../../../src/store/tables.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { requestBulkDeletion } from '../../../src/work/deleting/request-deletion.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { createCuttable } from '../../http/cuttable.ts'
import { carryOut } from '../../support/carry-out.ts'
import { asOperator, passGrace, pollAndScan, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'

const ctx = useDeleting()
/** The ledger is shared by the tests of this file, the panel is not. */
let admin = ''
let count = 0

beforeEach(() => {
  count += 1
  admin = `admin${count}`
  ctx.panel.state.createAdmin(admin)
})
afterEach(async () => {
  expect(await inconsistentAccounts(ctx.db)).toEqual([])
})

function createUser(username: string, bytes: number, createdAt?: string) {
  const user = ctx.panel.state.createUser(username, { admin, ...(createdAt && { createdAt }) })
  ctx.panel.state.accrue(username, bytes)
  return user
}

/** As a service leaves it that is killed between the final reading and the deletion. */
const interrupted = {
  state: 'preserved',
  worker: 'of a service that is gone',
  requested_at: new Date(),
  preserved_at: new Date(),
} as const

/** A receipt that is open, as a bulk deletion or a service that was killed leaves it. */
async function openReceipt(
  username: string,
  over: Partial<Insertable<DeletionsTable>> = {},
): Promise<bigint> {
  const { id } = await ctx.db
    .insertInto('deletions')
    .values({
      kind: 'user',
      state: 'requested',
      username,
      requested_by: 'api_key',
      preserve_traffic: true,
      ...over,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

const remove = (username: string, over: Parameters<typeof asOperator>[1] = {}) =>
  deleteUser(workOf(ctx), asOperator(username, over))

test('is that of a user whose panel has moved to a database of whole seconds since', async () => {
  const user = createUser('moved', 10, '2026-01-01T10:00:00.350617')
  await pollAndScan(ctx)
  const receiptId = await openReceipt('moved', { created_at: '2026-01-01 10:00:00.350617' })
  user.createdAt = '2026-01-01T10:00:00'
  ctx.panel.state.accrue('moved', 5)
  ctx.panel.faults.add({ kind: 'answer', status: 500, acts: true, method: 'DELETE', times: 1 })
  expect(await remove('moved', { receiptId })).toMatchObject({ state: 'deleted', preservedBytes: 5n })
  expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 15n, preserved: 15n, users: { deleted: 1n } })
})

test('bears the name that the panel has, not the one asked for, where the panel ignores case', async () => {
  ctx.panel.state.ignoresCase = true
  createUser('Letters', 10)
  expect(await remove('lETTERS')).toMatchObject({
    state: 'deleted',
    username: 'Letters',
    preservedBytes: 10n,
  })
  expect(ctx.panel.state.users.size).toBe(0)
  expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 10n, users: { deleted: 1n } })
})

test('says that the user was deleted when the next of its name is, and the service was killed in between', async () => {
  createUser('reborn', 10)
  await pollAndScan(ctx)
  const { createdAt } = ctx.panel.state.mustFind('reborn')
  const created_at = createdAt.replace('T', ' ')
  const id = await openReceipt('reborn', { created_at, ...interrupted })
  ctx.panel.state.deleteUser('reborn')
  createUser('reborn', 5)
  expect(await remove('reborn')).toMatchObject({ state: 'deleted', preservedBytes: 5n })
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'deleted', error: null })
  expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 15n, users: { deleted: 2n } })
})

test('of a bulk deletion keeps everybody else from the user until it is known whether the panel still deletes it', async () => {
  createUser('both', 10)
  const bulk = await requestBulkDeletion(
    { db: ctx.db, panel: ctx.client },
    { kind: 'operator', name: 'operator', isSudo: true, adminId: null, token: null },
    { usernames: ['both'] },
    null,
  )
  await ctx.db.updateTable('deletions').set(interrupted).where('parent_id', '=', bulk.id).execute()
  await expect(remove('both')).rejects.toMatchObject({ code: 'conflict', retryAfter: 60 })
  await expect(carryOut(workOf(ctx), bulk.id)).rejects.toMatchObject({ code: 'conflict' })
  expect(ctx.panel.requests.filter(({ method }) => method === 'DELETE')).toEqual([])
  await passGrace(ctx)
  // Only the service's own end has interrupted it: the bulk deletion goes on with this user.
  await settleDeletions(workOf(ctx))
  await carryOut(workOf(ctx), bulk.id)
  expect(await findDeletion(ctx.db, bulk.id)).toMatchObject({ state: 'deleted' })
  expect(ctx.panel.state.users.has('both')).toBe(false)
})

test('will tell what the caller cannot be told when the database goes away during the deletion', async () => {
  createUser('unsure', 10)
  const database = createCuttable()
  const url = await database.via(ctx.url)
  const db = openDatabase({ url })
  const worker = openWorkerSession(ctx.url)
  ctx.panel.faults.add({ kind: 'hook', method: 'DELETE', before: () => database.cut() })
  const error: unknown = await deleteUser({ ...workOf(ctx), db, worker }, asOperator('unsure')).catch(
    (e) => e,
  )
  await Promise.all([db.destroy(), worker.close(), database.close()])
  expect(error).toMatchObject({
    code: 'database_unavailable',
    message: expect.stringMatching(
      /^Its traffic is preserved\. It is not known yet whether user unsure was deleted/,
    ),
  })
  const { deletionId } = error as { deletionId: bigint }
  await settleDeletions(workOf(ctx))
  expect(await findDeletion(ctx.db, deletionId)).toMatchObject({ state: 'deleted', totalTraffic: 10n })
})

test('is settled although the panel answers for another user what nobody can read', async () => {
  createUser('unreadable', 10)
  createUser('readable', 10)
  const [unreadable, readable] = [
    await openReceipt('unreadable', interrupted),
    await openReceipt('readable', interrupted),
  ]
  ctx.panel.faults.add({ kind: 'answer', status: 200, body: '{}', path: '/api/user/unreadable' })
  await expect(settleDeletions(workOf(ctx))).rejects.toMatchObject({ code: 'panel_bad_answer' })
  expect(await findDeletion(ctx.db, unreadable)).toMatchObject({ state: 'preserved' })
  expect(await findDeletion(ctx.db, readable)).toMatchObject({ state: 'unknown' })
  await passGrace(ctx)
  await expect(settleDeletions(workOf(ctx))).rejects.toMatchObject({ code: 'panel_bad_answer' })
  expect(await findDeletion(ctx.db, readable)).toMatchObject({ state: 'failed' })
})

test('is settled although the panel answers for a hundred others what nobody can read', async () => {
  for (let user = 0; user < 101; user += 1) {
    createUser(`spoilt${user}`, 10)
    await openReceipt(`spoilt${user}`, interrupted)
  }
  createUser('last', 10)
  const last = await openReceipt('last', interrupted)
  ctx.panel.faults.add({ kind: 'answer', status: 200, body: '{}', path: /spoilt/ })
  await expect(settleDeletions(workOf(ctx))).rejects.toMatchObject({ code: 'panel_bad_answer' })
  expect(await findDeletion(ctx.db, last)).toMatchObject({ state: 'unknown' })
})

test('is settled although the panel never answers for another user, until it answers for nobody', async () => {
  const ids: bigint[] = []
  for (const username of ['silent1', 'answered', 'silent2', 'silent3', 'never_asked']) {
    createUser(username, 10)
    ids.push(await openReceipt(username, interrupted))
  }
  ctx.panel.faults.add({ kind: 'hang', path: /silent/ })
  await expect(settleDeletions(workOf(ctx))).rejects.toMatchObject({ code: 'panel_timeout' })
  const states = await Promise.all(ids.map(async (id) => (await findDeletion(ctx.db, id))?.state))
  expect(states).toEqual(['preserved', 'unknown', 'preserved', 'preserved', 'preserved'])
})

test('waits for the next time when the time to settle is over, or the service stops', async () => {
  const ids: bigint[] = []
  for (const username of ['in_time', 'too_late']) {
    createUser(username, 10)
    ids.push(await openReceipt(username, interrupted))
  }
  const ending = new AbortController()
  ctx.panel.faults.add({ kind: 'hook', path: '/api/user/in_time', before: () => ending.abort() })
  await expect(settleDeletions({ ...workOf(ctx), signal: ending.signal })).rejects.toThrow('aborted')
  const states = await Promise.all(ids.map(async (id) => (await findDeletion(ctx.db, id))?.state))
  expect(states).toEqual(['unknown', 'preserved'])
})

test('is settled when its times lie in the future, since the clock was set back, although its service lives', async () => {
  createUser('future', 10)
  const hence = new Date(Date.now() + 3_600_000)
  const id = await openReceipt('future', {
    ...interrupted,
    worker: await ctx.worker.id(),
    preserved_at: hence,
  })
  await settleDeletions(workOf(ctx))
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'unknown' })
  await passGrace(ctx)
  await settleDeletions(workOf(ctx))
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } })
})

test('says that the user was deleted in the end by a service that was believed dead', async () => {
  createUser('slow', 10)
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    // The clock jumps forward, or the session that shows that the service lives breaks.
    before: async () => {
      await ctx.db.updateTable('deletions').set({ worker: 'nobody' }).where('username', '=', 'slow').execute()
      await settleDeletions(workOf(ctx))
    },
  })
  expect(await remove('slow')).toMatchObject({ state: 'deleted', error: null, totalTraffic: 10n })
})

test('waits to be settled when a deletion that reads nothing finds it abandoned', async () => {
  createUser('unread', 10)
  await pollAndScan(ctx)
  const created_at = ctx.panel.state.mustFind('unread').createdAt.replace('T', ' ')
  const id = await openReceipt('unread', { created_at, ...interrupted })
  ctx.panel.state.deleteUser('unread')
  await expect(remove('unread', { preserveTraffic: false })).rejects.toMatchObject({ code: 'not_found' })
  await settleDeletions(workOf(ctx))
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'deleted' })
})

test('of a bulk deletion is sent once, although another service has taken its user over meanwhile', async () => {
  createUser('taken_over', 10)
  const receiptId = await openReceipt('taken_over')
  const [sent, mayAnswer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let first: ReturnType<typeof remove> | undefined
  ctx.panel.faults.add({
    kind: 'hook',
    path: '/api/user/taken_over',
    method: 'GET',
    times: 1,
    before: async () => {
      first = remove('taken_over', { receiptId })
      await sent.promise
    },
  })
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'DELETE',
    before: () => {
      sent.resolve()
      return mayAnswer.promise
    },
  })
  const second = remove('taken_over', { receiptId })
  await expect(second).rejects.toMatchObject({ code: 'conflict' })
  mayAnswer.resolve()
  expect(await first).toMatchObject({ id: receiptId, state: 'deleted', preservedBytes: 10n })
  expect(ctx.panel.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1)
})
