import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { countChildren } from '../../../src/store/deletions/bulk-deletions.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import type { Caller } from '../../../src/work/callers/caller.ts'
import { requestBulkDeletion } from '../../../src/work/deleting/request-deletion.ts'
import { useBulk } from '../../support/bulk.ts'
import { pollAndScan } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const bulk = useBulk()
const { ctx, createUsers, request, run, childrenOf } = bulk

describe('deleting users by name', () => {
  test('preserves and deletes each of them, and says so of each', async () => {
    const usernames = createUsers(9)
    const { id } = await request({ usernames: [...usernames, 'never_was'] })
    expect(await run(id)).toMatchObject({ state: 'incomplete', kind: 'users', error: { code: 'users_left' } })
    expect(await countChildren(ctx.db, id)).toEqual({ deleted: 9, failed: 1 })
    expect(await childrenOf(id)).toContainEqual(
      expect.objectContaining({
        username: 'never_was',
        state: 'failed',
        error: expect.objectContaining({ code: 'unknown_user' }),
      }),
    )
    expect(ctx.panel.state.users.size).toBe(0)
    await pollAndScan(ctx)
    expect(await accountOf(ctx.db, bulk.admin)).toMatchObject({ total: 90n, preserved: 90n })
  })

  test('asks the panel for at most four at a time', async () => {
    const usernames = createUsers(20)
    let now = 0
    let most = 0
    ctx.panel.faults.add({
      kind: 'hook',
      before: async () => {
        now += 1
        most = Math.max(most, now)
        await setTimeout(5)
      },
      after: () => {
        now -= 1
      },
    })
    const { id } = await request({ usernames })
    await run(id)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
  })

  test('finds a request again by its key, however long the name of its caller is', async () => {
    const name = Array.from({ length: 6_000 }, (_, index) =>
      String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)),
    )
    const caller: Caller = { kind: 'admin', name: name.join(''), isSudo: true, adminId: null, token: 'token' }
    const work = { db: ctx.db, panel: ctx.client }
    const ask = () => requestBulkDeletion(work, caller, { usernames: ['someone'] }, 'a key')
    expect((await ask()).id).toBe((await ask()).id)
  })

  test("leaves other admins' users to them, and says which", async () => {
    const [own = ''] = createUsers(1)
    ctx.panel.state.createAdmin('someone')
    ctx.panel.state.createUser('someones_user', { admin: 'someone' })
    await pollAndScan(ctx)
    const { id: adminId } = await accountOf(ctx.db, bulk.admin)
    const caller: Caller = { kind: 'admin', name: bulk.admin, isSudo: false, adminId, token: bulk.token() }
    const { id } = await request({ usernames: [own, 'someones_user'] }, caller)
    expect(await run(id)).toMatchObject({ state: 'incomplete', error: { code: 'users_left' } })
    expect(await childrenOf(id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ username: own, state: 'deleted' }),
        expect.objectContaining({
          username: 'someones_user',
          state: 'failed',
          error: expect.objectContaining({ code: 'not_yours_or_unknown' }),
        }),
      ]),
    )
    expect([...ctx.panel.state.users.keys()]).toEqual(['someones_user'])
  })

  test('waits for a panel that is away, and goes on where it was', async () => {
    const usernames = createUsers(12)
    const { id } = await request({ usernames })
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'DELETE',
      skip: 5,
      times: 1,
      before: () => void ctx.panel.down(),
    })
    expect(await run(id)).toMatchObject({
      state: 'requested',
      finishedAt: null,
      error: { code: 'panel_unreachable', message: expect.stringContaining('cannot be reached') },
    })
    await ctx.panel.up()
    await bulk.settle()
    expect(await run(id)).toMatchObject({ finishedAt: expect.any(Date) })
    const counts = await countChildren(ctx.db, id)
    expect((counts.deleted ?? 0) + (counts.failed ?? 0)).toBe(12)
    expect(ctx.panel.state.users.size).toBe(counts.failed ?? 0)
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, bulk.admin)).total).toBe(120n)
  })

  test('waits while the panel refuses the service itself', async () => {
    const { id } = await request({ usernames: createUsers(2) })
    ctx.panel.faults.add({ kind: 'answer', status: 401 })
    await expect(run(id)).rejects.toMatchObject({ code: 'panel_unauthorized' })
    expect(await findDeletion(ctx.db, id)).toMatchObject({
      state: 'requested',
      error: { code: 'panel_unauthorized' },
    })
    expect(await countChildren(ctx.db, id)).toEqual({ requested: 2 })
  })
})

describe('deleting the users of an admin', () => {
  test('takes those of the status asked for', async () => {
    const [expired = '', ...others] = createUsers(5)
    ctx.panel.state.mustFind(expired).status = 'expired'
    await pollAndScan(ctx)
    const { id: adminId } = await accountOf(ctx.db, bulk.admin)
    const { id } = await request({ adminId, statuses: ['expired'] })
    expect(await run(id)).toMatchObject({ state: 'deleted' })
    expect([...ctx.panel.state.users.keys()].sort()).toEqual(others.sort())
  })

  test('spares a user whose status has changed by the time of its final reading', async () => {
    const [renewed = '', expired = ''] = createUsers(2)
    for (const username of [renewed, expired]) ctx.panel.state.mustFind(username).status = 'expired'
    await pollAndScan(ctx)
    const { id: adminId } = await accountOf(ctx.db, bulk.admin)
    const { id } = await request({ adminId, statuses: ['expired'] })
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${renewed}`,
      before: () => {
        ctx.panel.state.mustFind(renewed).status = 'active'
      },
    })
    expect(await run(id)).toMatchObject({ state: 'incomplete' })
    expect(await childrenOf(id)).toMatchObject([
      { username: expired, state: 'deleted' },
      { username: renewed, state: 'failed', error: { message: expect.stringContaining('is active') } },
    ])
    expect([...ctx.panel.state.users.keys()]).toEqual([renewed])
  })

  test('does not delete a user created anew under the name of one it was to delete', async () => {
    const [username = ''] = createUsers(1)
    await pollAndScan(ctx)
    const { id: adminId } = await accountOf(ctx.db, bulk.admin)
    const { id } = await request({ adminId, statuses: null })
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'GET',
      path: `/api/user/${username}`,
      times: 1,
      before: () => {
        ctx.panel.state.deleteUser(username)
        ctx.panel.state.createUser(username, { admin: bulk.admin })
      },
    })
    expect(await run(id)).toMatchObject({ state: 'gone', error: null })
    expect(await childrenOf(id)).toMatchObject([{ state: 'gone' }])
    expect(ctx.panel.state.users.has(username)).toBe(true)
  })
})

describe('deleting an admin', () => {
  async function requestWhole() {
    await pollAndScan(ctx)
    const account = await accountOf(ctx.db, bulk.admin)
    return { account, deletion: await request({ wholeAdminId: account.id }) }
  }

  test('preserves and deletes its users, then the admin, and closes the account with its final total', async () => {
    createUsers(120)
    const { account, deletion } = await requestWhole()
    const [late = ''] = createUsers(1, 7, 'late')
    expect(await run(deletion.id)).toMatchObject({ state: 'deleted', totalTraffic: 1_207n })
    expect(ctx.panel.state.users.has(late)).toBe(false)
    expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
    await expect(accountOf(ctx.db, bulk.admin)).rejects.toThrow('no account')

    ctx.panel.state.createAdmin(bulk.admin)
    createUsers(1, 3)
    await pollAndScan(ctx)
    const fresh = await accountOf(ctx.db, bulk.admin)
    expect(fresh).toMatchObject({ total: 3n })
    expect(fresh.id).not.toBe(account.id)
  })

  test('keeps the admin when a user could not be deleted', async () => {
    const [stubborn = ''] = createUsers(3)
    const { deletion } = await requestWhole()
    ctx.panel.faults.add({ kind: 'answer', status: 500, method: 'DELETE', path: `/api/user/${stubborn}` })
    expect(await run(deletion.id)).toMatchObject({ state: 'requested', error: { code: 'panel_failed' } })
    await expect(run(deletion.id)).rejects.toMatchObject({ code: 'conflict' })
    await bulk.settle()
    expect(await run(deletion.id)).toMatchObject({ state: 'incomplete', error: { code: 'users_left' } })
    expect(await childrenOf(deletion.id)).toEqual(
      expect.arrayContaining([expect.objectContaining({ username: stubborn, state: 'failed' })]),
    )
    expect(ctx.panel.state.admins.has(bulk.admin)).toBe(true)
    expect((await accountOf(ctx.db, bulk.admin)).closedAt).toBeNull()
  })

  test('deletes users too that are created while it goes on', async () => {
    createUsers(3)
    const { deletion } = await requestWhole()
    ctx.panel.faults.add({
      kind: 'hook',
      method: 'DELETE',
      times: 1,
      after: () => void createUsers(2, 5, 'during'),
    })
    expect(await run(deletion.id)).toMatchObject({ state: 'deleted', totalTraffic: 40n })
    expect(ctx.panel.state.users.size).toBe(0)
  })

  test('believes the panel, not its error, about whether the admin is gone', async () => {
    createUsers(1)
    const { deletion } = await requestWhole()
    ctx.panel.faults.add({ kind: 'cut', acts: true, method: 'DELETE', path: `/api/admin/${bulk.admin}` })
    expect(await run(deletion.id)).toMatchObject({ state: 'deleted' })
    expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
  })

  test('keeps bytes that only the counter of the admin saw', async () => {
    createUsers(1)
    const { deletion } = await requestWhole()
    const [fleeting = ''] = createUsers(1, 50, 'fleeting')
    ctx.panel.state.deleteUser(fleeting)
    expect(await run(deletion.id)).toMatchObject({ state: 'deleted', totalTraffic: 60n })
  })

  test('is refused for a sudo admin, whom the panel would not delete', async () => {
    ctx.panel.state.createAdmin(`${bulk.admin}_sudo`, { isSudo: true })
    await pollAndScan(ctx)
    const { id } = await accountOf(ctx.db, `${bulk.admin}_sudo`)
    await expect(request({ wholeAdminId: id })).rejects.toMatchObject({ code: 'conflict' })
  })
})

test('ends although its users of several admins had more bytes than one number can hold', async () => {
  const most = 2n ** 63n - 1n
  const usernames = ['one', 'other'].map((name) => {
    const [username, admin] = [`${bulk.admin}_${name}`, `${bulk.admin}_of_${name}`]
    ctx.panel.state.createAdmin(admin)
    ctx.panel.state.createUser(username, { admin, lifetime: most })
    return username
  })
  const { id } = await request({ usernames })
  expect(await run(id)).toMatchObject({ state: 'deleted', preservedBytes: most })
})
