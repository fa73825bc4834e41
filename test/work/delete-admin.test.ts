import { describe, expect, it } from 'vitest'
import { findAccount } from '../../src/store/account-list.ts'
import { openDatabase } from '../../src/store/database.ts'
import { settleDeletions } from '../../src/work/deleting/settle.ts'
import { createCuttable } from '../http/cuttable.ts'
import { everyFault } from '../panel/faults.ts'
import { useBulk } from '../support/bulk.ts'
import { carryOut } from '../support/carry-out.ts'
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
  const ended = carryOut({ ...workOf(ctx), db }, id)
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
  await settleDeletions(workOf(ctx))
  const [late = ''] = createUsers(1, 5, 'late')
  expect(await run(id)).toMatchObject({ state: 'deleted', total_traffic: 25n })
  expect(ctx.panel.state.users.has(late)).toBe(false)
  expect(ctx.panel.state.admins.has(bulk.admin)).toBe(false)
})

const steps = {
  'when its users are listed': { method: 'GET', path: '/api/users' },
  'at a final reading': { method: 'GET', path: /^\/api\/user\// },
  'at the deletion of a user': { method: 'DELETE', path: /^\/api\/user\// },
  'at the last reading of its counter': { method: 'GET', path: '/api/admins' },
  'at its deletion': { method: 'DELETE', path: /^\/api\/admin\// },
}

describe.each(Object.entries(everyFault))('a panel that answers with %s', (_, fault) => {
  it.each(Object.entries(steps))('%s', async (_, step) => {
    const { account, id } = await requestWhole()
    ctx.panel.faults.add({ ...fault, ...step, times: 1 })
    const interrupted = await run(id).catch((error: unknown) => error)
    if (interrupted instanceof Error)
      expect(interrupted).toMatchObject({ code: expect.stringMatching(/^panel_/) })
    ctx.panel.faults.clear()
    const ended = await run(id)
    expect(ended?.state).toBe(ctx.panel.state.admins.has(bulk.admin) ? 'incomplete' : 'deleted')
    for (const { username, state } of await bulk.childrenOf(id)) {
      expect(state).toBe(ctx.panel.state.users.has(username ?? '') ? 'failed' : 'deleted')
    }
    await pollAndScan(ctx)
    expect(await findAccount(ctx.db, account.id)).toMatchObject({ total: 20n })
  })
})
