import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import type { UserDeletion } from '../../../src/store/deletions/deletion.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { readNamedUser } from '../../../src/work/observing/read-users-by-name.ts'
import { foreignAnswers } from '../../stand-in/foreign-answers.ts'
import {
  asOperator,
  passGrace,
  pollAndScan,
  receiptsOf,
  useDeleting,
  workOf,
} from '../../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'

const ctx = useDeleting()
let admin = ''
let username = ''
let count = 0

beforeEach(() => {
  count += 1
  admin = `admin${count}`
  username = `${admin}_user`
  ctx.panel.state.createAdmin(admin)
  createUser(100)
})
afterEach(async () => {
  expect(await inconsistentAccounts(ctx.db)).toEqual([])
})

function createUser(bytes: number): void {
  ctx.panel.state.createUser(username, { admin })
  ctx.panel.state.accrue(username, bytes)
}

const remove = (over: Parameters<typeof asOperator>[1] = {}) =>
  deleteUser(workOf(ctx), asOperator(username, over))
const settle = () => settleDeletions(workOf(ctx))

async function failureOf(call: Promise<unknown>): Promise<LedgerError> {
  const error = await call.then(() => null).catch((failure: unknown) => failure)
  if (error instanceof LedgerError) return error
  throw new Error(`expected a failure, got ${String(error)}`)
}

async function receipts(): Promise<UserDeletion[]> {
  return receiptsOf(ctx, username)
}

async function receipt(): Promise<UserDeletion> {
  const [newest] = await receipts()
  if (!newest) throw new Error(`no receipt of ${username}`)
  return newest
}

const sentDeletions = () => ctx.panel.requests.filter(({ method }) => method === 'DELETE').length

/** The panel carries the deletion out when nobody waits for its answer any more. */
async function removeTooSlowly(): Promise<LedgerError> {
  ctx.panel.faults.add({ kind: 'hang', acts: 'late', method: 'DELETE', times: 1 })
  return failureOf(remove())
}

describe('a deletion that the panel does not answer', () => {
  test('stays open, says so, and is not sent again', async () => {
    const error = await removeTooSlowly()
    const { id } = await receipt()
    expect(error).toMatchObject({ code: 'panel_timeout', deletionId: id, retryAfter: 60 })
    expect(error.message).toMatch(
      new RegExp(
        `^Its traffic is preserved\\. It is not known yet whether user ${username} was deleted \\(.*\\); see /deletions/${id}\\.$`,
      ),
    )
    expect(await receipt()).toMatchObject({ state: 'unknown', finishedAt: null })
    expect(await failureOf(remove())).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`/deletions/${id}`),
      retryAfter: expect.any(Number),
    })
    expect(await failureOf(remove({ preserveTraffic: false }))).toMatchObject({ code: 'conflict' })
    await settle()
    expect(await receipt()).toMatchObject({ state: 'unknown' })
    expect(sentDeletions()).toBe(0)
  })

  test('is found out when the panel acts late; bytes that were read meanwhile count', async () => {
    await removeTooSlowly()
    ctx.panel.state.accrue(username, 7)
    await pollAndScan(ctx)
    await ctx.panel.late.carryOut()
    await settle()
    expect(await receipt()).toMatchObject({ state: 'deleted', error: null, totalTraffic: 107n })
  })

  test('is found out by whoever reads that the user is gone', async () => {
    await removeTooSlowly()
    await ctx.panel.late.carryOut()
    await pollAndScan(ctx)
    expect(await receipt()).toMatchObject({ state: 'deleted', totalTraffic: 100n })
  })

  test('has failed when the user is still there once the panel has had its time, with another final reading', async () => {
    await removeTooSlowly()
    ctx.panel.state.accrue(username, 7)
    await passGrace(ctx)
    await settle()
    expect(await receipt()).toMatchObject({
      state: 'failed',
      error: { code: 'panel_timeout', message: expect.stringContaining('was not deleted') },
      finalReading: 107n,
      preservedBytes: 107n,
    })
    expect((await accountOf(ctx.db, admin)).total).toBe(107n)
    ctx.panel.faults.clear()
    expect(await remove()).toMatchObject({ state: 'deleted' })
  })

  test.each(['a scan', 'a question by name', 'the next of its name'])(
    'that was given up is deleted after all when %s finds the user gone',
    async (finder) => {
      await removeTooSlowly()
      await passGrace(ctx)
      await settle()
      const { id } = await receipt()
      expect(await receipt()).toMatchObject({ state: 'failed' })
      await ctx.panel.late.carryOut()
      if (finder === 'the next of its name') createUser(5)
      if (finder === 'a question by name')
        await readNamedUser({ ...workOf(ctx), panel: ctx.client }, username)
      else await pollAndScan(ctx)
      expect(await findDeletion(ctx.db, id)).toMatchObject({
        state: 'deleted',
        error: null,
      })
    },
  )

  test('does not take along the next user of the name unread', async () => {
    await removeTooSlowly()
    expect(await failureOf(remove())).toMatchObject({ code: 'conflict' })
    await ctx.panel.late.carryOut()
    createUser(9)
    const { id } = await receipt()
    expect(await remove()).toMatchObject({ state: 'deleted', finalReading: 9n, preservedBytes: 9n })
    expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'deleted' })
    await ctx.panel.late.carryOut()
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(109n)
  })

  test('makes room by itself when the time is over and somebody asks again', async () => {
    await removeTooSlowly()
    await passGrace(ctx)
    expect(await remove()).toMatchObject({ state: 'deleted' })
    expect((await receipts()).map(({ state }) => state)).toEqual(['deleted', 'deleted'])
  })

  test('is asked about in vain while the panel says nothing, and stays open', async () => {
    await removeTooSlowly()
    await passGrace(ctx)
    ctx.panel.faults.add({ kind: 'cut', method: 'GET', path: /^\/api\/user\// })
    await expect(settle()).rejects.toMatchObject({ code: 'panel_unreachable' })
    expect(await receipt()).toMatchObject({ state: 'unknown' })
  })
})

describe.each(Object.entries(foreignAnswers))('%s in the place of an answer', (_, fault) => {
  test.each([
    { acts: true, end: 'deleted' },
    { acts: false, end: 'failed' },
  ])('proves nothing (acts: $acts)', async ({ acts, end }) => {
    ctx.panel.faults.add({ ...fault, acts, method: 'DELETE' })
    const ended = await remove().catch((error: unknown) => error)
    if (acts) expect(ended).toMatchObject({ state: 'deleted' })
    else expect(ended).toMatchObject({ code: expect.stringMatching(/^panel_(bad_answer|failed)$/) })
    expect(await receipt()).toMatchObject({ state: acts ? 'deleted' : 'unknown' })
    ctx.panel.faults.clear()
    await passGrace(ctx)
    await settle()
    expect(await receipt()).toMatchObject({ state: end })
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(100n)
  })

  test('proves nothing to who asks what became of it', async () => {
    ctx.panel.faults.add({ kind: 'hang', method: 'DELETE' })
    ctx.panel.faults.add({ ...fault, method: 'GET', path: /^\/api\/user\//, skip: 1 })
    expect(await failureOf(remove())).toMatchObject({ code: 'panel_timeout' })
    expect(await receipt()).toMatchObject({ state: 'unknown' })
  })
})

describe('a deletion that has not reached the panel', () => {
  test('has failed at once, and can be repeated at once', async () => {
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${username}`,
      times: 1,
      after: () => ctx.panel.down(),
    })
    expect(await failureOf(remove())).toMatchObject({ code: 'panel_unreachable' })
    expect(await receipt()).toMatchObject({ state: 'failed', error: { code: 'panel_unreachable' } })
    await ctx.panel.up()
    expect(await remove()).toMatchObject({ state: 'deleted', totalTraffic: 100n })
  })

  test('that the panel refuses has failed at once, too', async () => {
    const body = '{"detail":"You\'re not allowed"}'
    ctx.panel.faults.add({ kind: 'answer', status: 403, body, method: 'DELETE', times: 1 })
    expect(await failureOf(remove())).toMatchObject({ code: 'panel_forbidden' })
    expect(await receipt()).toMatchObject({ state: 'failed' })
    expect(await remove()).toMatchObject({ state: 'deleted' })
  })

  test('that a page refuses is not known to have failed', async () => {
    const page = { headers: { 'content-type': 'text/html' }, body: '<html>Forbidden</html>' }
    ctx.panel.faults.add({ kind: 'answer', status: 403, ...page, method: 'DELETE', times: 1 })
    await failureOf(remove())
    expect(await receipt()).toMatchObject({ state: 'unknown' })
  })
})

describe('a receipt', () => {
  test('has its times in the order in which things happened', async () => {
    const { requestedAt: requested, preservedAt: preserved, finishedAt: finished } = await remove()
    expect(preserved?.getTime()).toBeGreaterThanOrEqual(requested.getTime())
    expect(finished?.getTime()).toBeGreaterThanOrEqual(preserved?.getTime() ?? Number.POSITIVE_INFINITY)
    const { id } = await receipt()
    const broken = ctx.db
      .updateTable('deletions')
      .set({ preserved_at: new Date(requested.getTime() - 1) })
      .where('id', '=', id)
      .execute()
    await expect(broken).rejects.toThrow('times_in_order')
  })
})

describe('a user that cannot be read', () => {
  test('is deleted without a reading when a sudo admin says so, and its own tenure ends', async () => {
    await pollAndScan(ctx)
    ctx.panel.faults.add({ kind: 'answer', status: 500, method: 'GET', path: /^\/api\/user\// })
    expect(await failureOf(remove())).toMatchObject({
      code: expect.stringMatching(/^(panel_failed|user_unreadable)$/),
    })
    expect(await receipts()).toEqual([])
    expect(await remove({ preserveTraffic: false })).toMatchObject({
      state: 'deleted',
      preservedAt: null,
      createdAt: expect.any(String),
    })
    expect(await accountOf(ctx.db, admin)).toMatchObject({
      total: 100n,
      preserved: 100n,
      users: { deleted: 1n },
    })
  })

  test('and that the ledger never knew, too', async () => {
    ctx.panel.faults.add({ kind: 'answer', status: 500, method: 'GET', path: /^\/api\/user\// })
    expect(await remove({ preserveTraffic: false })).toMatchObject({ state: 'deleted', createdAt: null })
  })
})
