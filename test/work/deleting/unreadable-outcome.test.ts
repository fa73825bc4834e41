import { beforeEach, describe, expect, test } from 'vitest'
import type { Deletion } from '../../../src/store/deletions/deletion.ts'
import { listDeletions } from '../../../src/store/deletions/deletion-list.ts'
import { findDeletion } from '../../../src/store/deletions/deletions.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { asOperator, passGrace, pollAndScan, useDeleting, workOf } from '../../support/deleting.ts'

const ctx = useDeleting()
const username = 'replaced'
const admin = 'replacer'
const settle = () => settleDeletions(workOf(ctx))
let id: bigint

async function receipt(): Promise<Deletion> {
  const found = await findDeletion(ctx.db, id)
  if (!found) throw new Error(`no receipt ${id}`)
  return found
}

/** Another user takes the name, and shows what nobody can count. */
function replaceUser(shown: Record<string, unknown>): void {
  ctx.panel.state.deleteUser(username)
  ctx.panel.state.createUser(username, { admin, shown })
}

function show(shown: Record<string, unknown>): void {
  const user = ctx.panel.state.users.get(username)
  if (user) user.shown = shown
}

async function removeUnanswered(preserveTraffic: boolean): Promise<void> {
  ctx.panel.faults.add({ kind: 'hang', acts: 'late', method: 'DELETE', times: 1 })
  await expect(deleteUser(workOf(ctx), asOperator(username, { preserveTraffic }))).rejects.toThrow(
    'not known yet',
  )
}

beforeEach(async () => {
  ctx.panel.state.createAdmin(admin)
  ctx.panel.state.createUser(username, { admin })
  ctx.panel.state.accrue(username, 100)
  await pollAndScan(ctx)
  await removeUnanswered(true)
  const { deletions } = await listDeletions(ctx.db, { before: null, limit: 1 })
  id = deletions[0]?.id ?? 0n
})

describe('a deletion without an answer, when the name has a user that cannot be counted', () => {
  test('ends as deleted when that user was created at another time', async () => {
    replaceUser({ lifetime_used_traffic: 1.5 })
    await settle()
    expect(await receipt()).toMatchObject({ state: 'deleted' })
  })

  test('ends as failed when that user is the one, and the panel had its time', async () => {
    show({ lifetime_used_traffic: -1 })
    await passGrace(ctx)
    await settle()
    expect(await receipt()).toMatchObject({ state: 'failed', error: { code: 'panel_timeout' } })
  })

  test.each([{ created_at: undefined }, { created_at: 'yesterday' }])(
    'stays open while nobody can say which user it is: %j',
    async (shown) => {
      replaceUser(shown)
      await passGrace(ctx)
      await settle()
      expect(await receipt()).toMatchObject({ state: 'unknown' })
      show({})
      await settle()
      expect(await receipt()).toMatchObject({ state: 'deleted' })
    },
  )

  test('makes way for a sudo admin who deletes the name unread, and does not say that nothing was deleted', async () => {
    replaceUser({ created_at: undefined })
    await passGrace(ctx)
    await removeUnanswered(false)
    expect(await receipt()).toMatchObject({
      state: 'failed',
      error: { code: 'user_unreadable', message: expect.stringContaining('It is not known whether') },
    })
    await ctx.panel.late.carryOut()
    await pollAndScan(ctx)
    expect(await receipt()).toMatchObject({ state: 'deleted', error: null })
  })
})
