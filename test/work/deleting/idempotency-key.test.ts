import { expect, test } from 'vitest'
import { requestBulkDeletion } from '../../../src/work/deleting/request-deletion.ts'
import { useBulk } from '../../support/bulk.ts'
import { pollAndScan, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const bulk = useBulk()
const { ctx, createUsers, request, run } = bulk

/** The admin that has the name now asks for the deletion of a user, under one key. */
async function requestAsAdmin(username: string) {
  const { id: adminId } = await accountOf(ctx.db, bulk.admin)
  const caller = { kind: 'admin', name: bulk.admin, isSudo: false, adminId, token: null } as const
  return requestBulkDeletion(workOf(ctx), caller, { usernames: [username] }, 'key')
}

test('a key that a deleted admin has used is free for a later one of its name', async () => {
  const [username = ''] = createUsers(1)
  await pollAndScan(ctx)
  const first = await requestAsAdmin(username)
  await run(first.id)
  await run((await request({ wholeAdminId: (await accountOf(ctx.db, bulk.admin)).id })).id)
  ctx.panel.state.createAdmin(bulk.admin)
  ctx.panel.state.createUser(username, { admin: bulk.admin })
  await pollAndScan(ctx)
  const second = await requestAsAdmin(username)
  expect(second.id).not.toBe(first.id)
  expect(await run(second.id)).toMatchObject({ state: 'deleted' })
  expect(ctx.panel.state.users.has(username)).toBe(false)
  expect((await requestAsAdmin(username)).id).toBe(second.id)
})
