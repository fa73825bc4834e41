import { afterEach, beforeEach, expect, it } from 'vitest'
import { deleteUser } from '../../src/work/delete-user.ts'
import { asOperator, pollAndScan, useDeleting, workOf } from '../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../support/ledger.ts'

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

/** A receipt that is open, as a bulk deletion or a service that was killed leaves it. */
async function openReceipt(username: string, over: { created_at?: string } = {}): Promise<bigint> {
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

it('is that of a user whose panel has moved to a database of whole seconds since', async () => {
  const user = createUser('moved', 10, '2026-01-01T10:00:00.350617')
  await pollAndScan(ctx)
  const receiptId = await openReceipt('moved', { created_at: '2026-01-01 10:00:00.350617' })
  user.createdAt = '2026-01-01T10:00:00'
  ctx.panel.state.accrue('moved', 5)
  ctx.panel.faults.add({ kind: 'answer', status: 500, method: 'DELETE', times: 1 })
  expect(await remove('moved', { receiptId })).toMatchObject({ state: 'deleted', preserved_bytes: 5n })
  expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 15n, preserved: 15n, users: { deleted: 1n } })
})

it('bears the name that the panel has, not the one asked for, where the panel ignores case', async () => {
  ctx.panel.state.ignoresCase = true
  createUser('Letters', 10)
  expect(await remove('lETTERS')).toMatchObject({
    state: 'deleted',
    username: 'Letters',
    preserved_bytes: 10n,
  })
  expect(ctx.panel.state.users.size).toBe(0)
  expect(await accountOf(ctx.db, admin)).toMatchObject({ total: 10n, users: { deleted: 1n } })
})
