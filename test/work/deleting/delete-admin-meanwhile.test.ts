import { expect, test } from 'vitest'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import { runAdminDeletion } from '../../../src/work/deleting/admin-deletion.ts'
import { useBulk } from '../../support/bulk.ts'
import { pollAndScan, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const bulk = useBulk()
const { ctx } = bulk

test('a deletion of an admin that is being carried out is not called interrupted by whoever goes on with open ones', async () => {
  await pollAndScan(ctx)
  const { id: adminId } = await accountOf(ctx.db, bulk.admin)
  const alone = { adminId, username: bulk.admin, requestedBy: 'admin:root', receipt: null }
  let meanwhile: unknown
  const ending = await runAdminDeletion(workOf(ctx), alone, async ({ id }) => {
    await expect(bulk.run(id)).rejects.toMatchObject({ code: 'conflict' })
    meanwhile = await findDeletion(ctx.db, id)
    return ctx.client.deleteAdmin(bulk.admin)
  })
  expect(meanwhile).toMatchObject({ state: 'preserved', error: { code: 'conflict' } })
  expect(ending).toMatchObject({ kind: 'sent', receipt: { state: 'deleted', error: null } })
})
