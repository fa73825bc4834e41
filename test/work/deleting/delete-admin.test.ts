import { describe, expect, test } from 'vitest'
import { findAccount } from '../../../src/store/accounts/queries.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openWorkerSession } from '../../../src/store/connection/worker-session.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import { runAdminDeletion } from '../../../src/work/deleting/admin-deletion.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { createCuttable } from '../../http/cuttable.ts'
import { everyFault } from '../../stand-in/faults.ts'
import { useBulk } from '../../support/bulk.ts'
import { carryOut } from '../../support/carry-out.ts'
import { passGrace, pollAndScan, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

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
  const worker = openWorkerSession(ctx.url)
  ctx.panel.faults.add({ kind: 'hook', method: 'DELETE', path, before: () => database.cut() })
  const ended = carryOut({ ...workOf(ctx), db, worker }, id)
  await expect(ended).rejects.toMatchObject({ code: 'database_unavailable' })
  await Promise.all([db.destroy(), database.close(), worker.close()])
  ctx.panel.faults.clear()
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
  return { account, id }
}

test('is found out to have happened when the service was killed right after it', async () => {
  const { id } = await deleteUntilCut()
  expect(await run(id)).toMatchObject({ state: 'deleted', totalTraffic: 20n })
  await expect(accountOf(ctx.db, bulk.admin)).rejects.toThrow('no account')
})

test('continues the account of an admin that is there again, whoever it is, and takes nobody along', async () => {
  const { account, id } = await deleteUntilCut()
  ctx.panel.state.createAdmin(bulk.admin)
  const [fresh = ''] = createUsers(1, 3, 'fresh')
  await expect(run(id)).rejects.toMatchObject({ code: 'conflict' })
  await passGrace(ctx)
  expect(await run(id)).toMatchObject({ state: 'incomplete' })
  expect(ctx.panel.state.users.has(fresh)).toBe(true)
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(true)
  await pollAndScan(ctx)
  // No second account counts what the first has counted.
  const anew = await accountOf(ctx.db, bulk.admin)
  expect(anew).toMatchObject({ id: account.id, total: 23n })
})

test('is not sent again when the panel has not heard of it, but asked for anew', async () => {
  const { account, id, path } = await requestWhole()
  ctx.panel.faults.add({ kind: 'cut', method: 'DELETE', path, times: 1 })
  await expect(run(id)).rejects.toMatchObject({ code: 'panel_unreachable' })
  await settleDeletions(workOf(ctx))
  await expect(run(id)).rejects.toMatchObject({ code: 'conflict' })
  await passGrace(ctx)
  expect(await run(id)).toMatchObject({ state: 'incomplete' })
  const again = await request({ wholeAdminId: account.id })
  expect(await run(again.id)).toMatchObject({ state: 'deleted', totalTraffic: 20n })
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
})

test('closes no account because a counter was set back and the panel failed', async () => {
  const { account, id, path } = await requestWhole()
  ctx.panel.faults.add({ kind: 'answer', status: 500, method: 'DELETE', path, times: 1 })
  ctx.panel.faults.add({
    kind: 'hook',
    method: 'GET',
    path: /^\/api\/admin\/usage/,
    times: 1,
    before: () => ctx.panel.state.resetAdminUsage(bulk.admin),
  })
  await run(id).catch(() => {})
  await passGrace(ctx)
  expect(await run(id)).toMatchObject({ state: 'incomplete', error: { code: 'panel_failed' } })
  await pollAndScan(ctx)
  expect(await accountOf(ctx.db, bulk.admin)).toMatchObject({ id: account.id, total: 20n })
})

test.each([{ username: undefined }, { is_sudo: null }])(
  'closes no account of an admin that is still there, and is listed as %j',
  async (shown) => {
    const { account, id } = await requestWhole()
    ctx.panel.state.createAdmin(`${bulk.admin}_other`)
    const admin = ctx.panel.state.admins.get(bulk.admin)
    const before = () => {
      if (admin) admin.shown = shown
    }
    ctx.panel.faults.add({ kind: 'hook', method: 'GET', path: /^\/api\/admin\/usage/, times: 1, before })
    await run(id).catch(() => {})
    const { closedAt } = (await findAccount(ctx.db, account.id)) ?? {}
    expect(closedAt === null).toBe(ctx.panel.state.admins.has(bulk.admin))
    delete admin?.shown
    expect(await run(id)).toMatchObject({ state: 'deleted', totalTraffic: 20n })
    expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
  },
)

test('is found out when the panel carries it out long after it was given up', async () => {
  const { account, id, path } = await requestWhole()
  ctx.panel.faults.add({ kind: 'hang', acts: 'late', method: 'DELETE', path, times: 1 })
  await expect(run(id)).rejects.toMatchObject({ code: 'panel_timeout' })
  await passGrace(ctx)
  expect(await run(id)).toMatchObject({ state: 'incomplete' })
  await ctx.panel.late.carryOut()
  await pollAndScan(ctx)
  await settleDeletions(workOf(ctx))
  expect(await findDeletion(ctx.db, id)).toMatchObject({ state: 'deleted', error: null })
  expect(await findAccount(ctx.db, account.id)).toMatchObject({ closedAt: expect.any(Date), total: 20n })
})

test('that was interrupted keeps others from the admin while the panel may carry it out, also before that can be asked', async () => {
  const { account, id, path } = await requestWhole()
  const database = createCuttable()
  const db = openDatabase({ url: await database.via(ctx.url) })
  ctx.panel.faults.add({ kind: 'hang', acts: 'late', method: 'DELETE', path, times: 1 })
  const deleteAdmin = async (username: string) => {
    const reply = await ctx.client.deleteAdmin(username)
    database.cut()
    return reply
  }
  const killed = carryOut({ ...workOf(ctx), db, panel: { ...ctx.client, deleteAdmin } }, id)
  await expect(killed).rejects.toMatchObject({ code: 'database_unavailable' })
  await Promise.all([db.destroy(), database.close()])
  ctx.panel.faults.add({ kind: 'cut', method: 'GET', path: /^\/api\/admin\/usage/ })
  await expect(run(id)).rejects.toMatchObject({ code: 'panel_unreachable' })
  ctx.panel.faults.clear()
  const alone = { adminId: account.id, username: bulk.admin, requestedBy: 'admin:root', receipt: null }
  const ending = await runAdminDeletion(workOf(ctx), alone, () => ctx.client.deleteAdmin(bulk.admin))
  expect(ending).toMatchObject({ kind: 'declined', error: { code: 'conflict' } })
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(true)
})

test('goes on when its request could not even be sent', async () => {
  const { id } = await requestWhole()
  const deleteAdmin = async (username: string) => {
    await ctx.panel.down()
    return ctx.client.deleteAdmin(username)
  }
  const tried = carryOut({ ...workOf(ctx), panel: { ...ctx.client, deleteAdmin } }, id)
  await expect(tried).rejects.toMatchObject({ code: 'panel_unreachable' })
  await ctx.panel.up()
  expect(await run(id)).toMatchObject({ state: 'deleted', finalReading: 20n, totalTraffic: 20n })
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
})

test('says to the end why its outcome was unknown, however often it was looked at meanwhile', async () => {
  const { id, path } = await requestWhole()
  ctx.panel.faults.add({ kind: 'hang', method: 'DELETE', path, times: 1 })
  await expect(run(id)).rejects.toMatchObject({ code: 'panel_timeout' })
  await expect(run(id)).rejects.toMatchObject({ code: 'conflict' })
  await passGrace(ctx)
  expect(await run(id)).toMatchObject({ state: 'incomplete', error: { code: 'panel_timeout' } })
})

const steps = {
  'when its users are listed': { method: 'GET', path: '/api/users' },
  'at a final reading': { method: 'GET', path: /^\/api\/user\// },
  'at the deletion of a user': { method: 'DELETE', path: /^\/api\/user\// },
  'at the last reading of its counter': { method: 'GET', path: '/api/admins' },
  'at its deletion': { method: 'DELETE', path: /^\/api\/admin\// },
}

describe.each(Object.entries(everyFault))('a panel that answers with %s', (_, fault) => {
  test.each(Object.entries(steps))('%s', async (_, step) => {
    const { account, id } = await requestWhole()
    ctx.panel.faults.add({ ...fault, ...step, times: 1 })
    const interrupted = await run(id).catch((error: unknown) => error)
    if (interrupted instanceof Error)
      expect(interrupted).toMatchObject({ code: expect.stringMatching(/^(panel_|conflict)/) })
    ctx.panel.faults.clear()
    await settleDeletions(workOf(ctx))
    await passGrace(ctx)
    await settleDeletions(workOf(ctx))
    const ended = await run(id)
    expect(ended?.state).toBe(ctx.panel.state.admins.has(bulk.admin) ? 'incomplete' : 'deleted')
    for (const { username, state } of await bulk.childrenOf(id)) {
      expect(state).toBe(ctx.panel.state.users.has(username) ? 'failed' : 'deleted')
    }
    await pollAndScan(ctx)
    expect(await findAccount(ctx.db, account.id)).toMatchObject({ total: 20n })
  })
})
