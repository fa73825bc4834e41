import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import { openWorkerSession } from '../../../src/store/connection/worker-session.ts'
import { findDeletion, finishDeletion } from '../../../src/store/deletions/deletions.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { everyFault } from '../../stand-in/faults.ts'
import {
  asOperator,
  connect,
  passGrace,
  pollAndScan,
  receiptsOf,
  useDeleting,
  workOf,
} from '../../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'

const ctx = useDeleting()
/** Admins get a name of their own in every test: the ledger is shared by the file. */
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

function createUser(suffix: string, bytes: number): string {
  const username = `${admin}${suffix}`
  ctx.panel.state.createUser(username, { admin })
  ctx.panel.state.accrue(username, bytes)
  return username
}

const remove = (username: string, over: Parameters<typeof asOperator>[1] = {}) =>
  deleteUser(workOf(ctx), asOperator(username, over))

async function newestReceipt(username: string) {
  const [receipt] = await receiptsOf(ctx, username)
  if (!receipt) throw new Error(`no receipt of ${username}`)
  return receipt
}

async function refusalOf(call: Promise<unknown>): Promise<LedgerError> {
  const error = await call.then(
    () => null,
    (failure: unknown) => failure,
  )
  if (error instanceof LedgerError) return error
  throw new Error(`expected a refusal, got ${String(error)}`)
}

describe('deleting a user', () => {
  test('makes the final reading durable before the panel hears of the deletion', async () => {
    const username = createUser('_a', 1_000)
    let before: Awaited<ReturnType<typeof newestReceipt>> | undefined
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'DELETE',
      before: async () => {
        before = await newestReceipt(username)
      },
    })
    const receipt = await remove(username)
    expect(before).toMatchObject({ state: 'preserved', finalReading: 1_000n, finishedAt: null })
    expect(receipt).toMatchObject({
      state: 'deleted',
      username,
      finalReading: 1_000n,
      preservedBytes: 1_000n,
      totalTraffic: 1_000n,
      requestedBy: 'api_key',
    })
    expect(receipt.finishedAt).toBeInstanceOf(Date)
    expect(ctx.panel.state.users.has(username)).toBe(false)
    expect(await accountOf(ctx.db, admin)).toMatchObject({
      total: 1_000n,
      preserved: 1_000n,
      users: { deleted: 1n },
    })
  })

  test('adds only what was not counted yet', async () => {
    const username = createUser('_b', 500)
    await pollAndScan(ctx)
    ctx.panel.state.accrue(username, 60)
    const receipt = await remove(username)
    expect(receipt).toMatchObject({ finalReading: 560n, preservedBytes: 60n, totalTraffic: 560n })
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(560n)
  })

  test('does not let a reseller get past its limit by creating the user anew', async () => {
    for (const bytes of [100, 200, 300]) {
      const username = createUser('_again', bytes)
      await remove(username)
    }
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(600n)
  })

  test('asks again when the final reading overlaps another observation', async () => {
    const username = createUser('_c', 10)
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${username}`,
      times: 1,
      before: () => pollAndScan(ctx),
    })
    expect(await remove(username)).toMatchObject({ state: 'deleted', finalReading: 10n })
    const asked = ctx.panel.requests.filter(({ path }) => path === `/api/user/${username}`)
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'GET', 'DELETE'])
  })

  test.each(['a.b-c_d@mail.example', 'UPPER_case', '-._@'])('takes names like %s', async (username) => {
    ctx.panel.state.createUser(username, { admin })
    ctx.panel.state.accrue(username, 5)
    expect(await remove(username)).toMatchObject({ state: 'deleted', username, preservedBytes: 5n })
  })

  test('says of a user without an owner that no account received bytes, although the panel answers 500', async () => {
    ctx.panel.state.createUser(`ownerless${count}`)
    ctx.panel.state.accrue(`ownerless${count}`, 77)
    const receipt = { state: 'deleted', adminId: null, totalTraffic: null }
    expect(await remove(`ownerless${count}`)).toMatchObject(receipt)
    ctx.panel.state.createUser(`ownerless${count}`)
    expect(await remove(`ownerless${count}`, { preserveTraffic: false })).toMatchObject(receipt)
  })

  test('answers not_found for a user that is gone, and ends what the ledger held open', async () => {
    const username = createUser('_d', 40)
    await pollAndScan(ctx)
    ctx.panel.state.deleteUser(username)
    expect(await refusalOf(remove(username))).toMatchObject({ code: 'not_found' })
    expect(await accountOf(ctx.db, admin)).toMatchObject({
      total: 40n,
      preserved: 40n,
      users: { deleted: 1n },
    })
    expect(await refusalOf(remove('never_was'))).toMatchObject({ code: 'not_found' })
  })

  test('is safe to repeat', async () => {
    const username = createUser('_e', 40)
    await remove(username)
    expect(await refusalOf(remove(username))).toMatchObject({ code: 'not_found' })
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(40n)
  })

  test.each(Object.entries(everyFault))(
    'ends without a final reading too when the panel answers with %s',
    async (_, fault) => {
      const username = createUser('_unread', 40)
      await pollAndScan(ctx)
      ctx.panel.faults.add({ ...fault, method: 'DELETE', times: 1 })
      const ended = await remove(username, { preserveTraffic: false }).catch((error: unknown) => error)
      if (ended instanceof LedgerError) expect(ended.code).toMatch(/^(panel_|not_found)/)
      expect((await newestReceipt(username)).state).toBe(
        ctx.panel.state.users.has(username) ? 'unknown' : 'deleted',
      )
      ctx.panel.faults.clear()
      await passGrace(ctx)
      await settleDeletions(workOf(ctx))
      expect((await newestReceipt(username)).state).toBe(
        ctx.panel.state.users.has(username) ? 'failed' : 'deleted',
      )
      await pollAndScan(ctx)
      expect((await accountOf(ctx.db, admin)).total).toBe(40n)
    },
  )

  test("refuses another admin's user with the panel's word for it", async () => {
    const username = createUser('_f', 40)
    ctx.panel.state.createAdmin('stranger', { password: 'secret' })
    const { access_token: token } = ctx.panel.tokens.logIn(
      new URLSearchParams({ username: 'stranger', password: 'secret' }),
    )
    const caller = { kind: 'admin', name: 'stranger', isSudo: false, adminId: null, token } as const
    expect(await refusalOf(remove(username, { caller }))).toMatchObject({ code: 'forbidden' })
    expect(ctx.panel.state.users.has(username)).toBe(true)
  })

  test('skips the final reading when told to; what was counted stays', async () => {
    const username = createUser('_g', 40)
    await pollAndScan(ctx)
    ctx.panel.state.accrueUser(username, 2)
    const unread = { state: 'deleted', finalReading: null, preservedBytes: null }
    expect(await remove(username, { preserveTraffic: false })).toMatchObject(unread)
    expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 40n, preserved: 40n })
    expect(await refusalOf(remove(username, { preserveTraffic: false }))).toMatchObject({ code: 'not_found' })
  })

  test('leaves a user alone whose receipt has ended, also one that ends while it is read', async () => {
    const username = createUser('_again', 10)
    const { id } = await remove(username)
    // Another user of the name, and a worker of old that still has the receipt in hand.
    createUser('_again', 20)
    expect(await remove(username, { receiptId: id })).toMatchObject({ id, state: 'deleted' })
    expect(ctx.panel.state.users.has(username)).toBe(true)

    const open = await ctx.db
      .insertInto('deletions')
      .values({ kind: 'user', state: 'requested', username, requested_by: 'api_key', preserve_traffic: true })
      .returning('id')
      .executeTakeFirstOrThrow()
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${username}`,
      before: async () =>
        void (await finishDeletion(ctx.db, { ...open, kind: 'user' }, { state: 'cancelled' })),
      times: 1,
    })
    expect(await refusalOf(remove(username, { receiptId: open.id }))).toMatchObject({ code: 'conflict' })
    expect(await findDeletion(ctx.db, open.id)).toMatchObject({ state: 'cancelled' })
    expect(ctx.panel.state.users.has(username)).toBe(true)
  })

  test('happens once when two replicas delete the same user at the same moment', async () => {
    const username = createUser('_h', 90)
    const other = { ...workOf(ctx), panel: connect(ctx.panel), worker: openWorkerSession(ctx.url) }
    const ended = await Promise.allSettled([remove(username), deleteUser(other, asOperator(username))])
    await other.panel.close()
    await other.worker.close()
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = ended.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject({ code: expect.stringMatching(/^(conflict|not_found)$/) })
    const deletions = ctx.panel.requests.filter(({ method }) => method === 'DELETE')
    expect(deletions).toHaveLength(1)
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, admin)).total).toBe(90n)
  })
})

const steps = {
  'at the final reading': { method: 'GET', path: /^\/api\/user\// },
  'at the deletion': { method: 'DELETE' },
}

describe.each(Object.entries(everyFault))('a panel that answers with %s', (_, fault) => {
  test.each(Object.entries(steps))('%s, once', async (_, step) => {
    const username = createUser('_once', 1_000)
    ctx.panel.faults.add({ ...fault, ...step, times: 1 })
    await checkTruth(username, await remove(username).catch((error: unknown) => error))
  })

  test.each(Object.entries(steps))('%s, always', async (_, step) => {
    const username = createUser('_always', 1_000)
    ctx.panel.faults.add({ ...fault, ...step })
    await checkTruth(username, await remove(username).catch((error: unknown) => error))
  })

  test('at the deletion, and then falls silent for the question what became of it', async () => {
    const username = createUser('_silent', 1_000)
    ctx.panel.faults.add({ ...fault, method: 'DELETE' })
    ctx.panel.faults.add({ kind: 'cut', method: 'GET', path: /^\/api\/user\//, skip: 1 })
    const ended = await remove(username).catch((error: unknown) => error)
    if (ended instanceof LedgerError) expect(ended.message).toContain('traffic is preserved')
    await checkTruth(username, ended)
  })
})

/** Whatever the call said: the total is the truth, the receipt says what became of the user, and nothing is under way. */
async function checkTruth(username: string, ended: unknown): Promise<void> {
  ctx.panel.faults.clear()
  const exists = ctx.panel.state.users.has(username)
  const [receipt] = await receiptsOf(ctx, username)
  if (receipt) {
    const now = await findDeletion(ctx.db, receipt.id)
    // Who is still there may be deleted yet; nobody asks the panel once more meanwhile.
    if (now?.state === 'unknown') {
      expect(ended).toBeInstanceOf(LedgerError)
      expect((ended as LedgerError).message).toContain('It is not known yet')
      if (exists) expect(await refusalOf(remove(username))).toMatchObject({ code: 'conflict' })
      await passGrace(ctx)
      await settleDeletions(workOf(ctx))
    }
    const then = await findDeletion(ctx.db, receipt.id)
    expect(then).toMatchObject({ state: exists ? 'failed' : 'deleted' })
    if (exists) expect(then?.error?.message).toContain('not deleted')
  } else {
    expect(exists).toBe(true)
  }
  if (ended instanceof Error)
    expect(ended).toMatchObject({ code: expect.stringMatching(/^(panel_|user_unreadable)/) })
  await pollAndScan(ctx)
  expect((await accountOf(ctx.db, admin)).total).toBe(1_000n)
  // Whatever was left behind, the same call succeeds as soon as the panel does.
  if (exists) expect(await remove(username)).toMatchObject({ state: 'deleted' })
  await pollAndScan(ctx)
  expect((await accountOf(ctx.db, admin)).total).toBe(1_000n)
}
