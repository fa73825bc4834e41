import { beforeEach, describe, expect, test } from 'vitest'
import type { UserDeletion } from '../../../src/store/deletions/deletion.ts'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import {
  asOperator,
  passGrace,
  pollAndScan,
  receiptsOf,
  useDeleting,
  workOf,
} from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const ctx = useDeleting()
const admin = 'dated'
let username = ''
let count = 0

const settle = () => settleDeletions(workOf(ctx))
const remove = (preserveTraffic = true) => deleteUser(workOf(ctx), asOperator(username, { preserveTraffic }))

async function receipt(): Promise<UserDeletion> {
  const [latest] = await receiptsOf(ctx, username)
  if (!latest) throw new Error(`no receipt of ${username}`)
  return latest
}

async function removeUnanswered(): Promise<void> {
  ctx.panel.faults.add({ kind: 'hang', acts: 'late', method: 'DELETE', times: 1 })
  await expect(remove()).rejects.toThrow('not known yet')
}

/** Somebody edits the panel's database, to move the day on which the user is reset. */
function changeDate(ms: number): void {
  const user = ctx.panel.state.users.get(username)
  if (!user) throw new Error(`no user ${username}`)
  const moved = new Date(Date.parse(`${user.createdAt.slice(0, 23)}Z`) - ms).toISOString()
  user.createdAt = `${moved.slice(0, 23)}${user.createdAt.slice(23)}`
}

beforeEach(async () => {
  count += 1
  username = `dated_user${count}`
  ctx.panel.state.createAdmin(admin)
  ctx.panel.state.createUser(username, { admin })
  ctx.panel.state.accrue(username, 100)
  await pollAndScan(ctx)
})

describe.each([1_000, 3 * 3_600_000, 86_400_000 + 1_234])(
  'the deletion of a user whose time of creation is moved back by %i ms meanwhile',
  (ms) => {
    test('stays open while the panel may act, and then ends as failed', async () => {
      await removeUnanswered()
      changeDate(ms)
      await settle()
      expect(await receipt()).toMatchObject({ state: 'unknown' })
      await passGrace(ctx)
      await settle()
      expect(await receipt()).toMatchObject({ state: 'failed', finalReading: 100n })
    })

    test('is not sent again within the grace', async () => {
      await removeUnanswered()
      changeDate(ms)
      const sent = ctx.panel.requests.filter(({ method }) => method === 'DELETE').length
      await expect(remove()).rejects.toMatchObject({ code: 'conflict' })
      await expect(remove(false)).rejects.toMatchObject({ code: 'conflict' })
      expect(ctx.panel.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(sent)
      expect(await receipt()).toMatchObject({ state: 'unknown' })
    })

    test('is found out when the panel acts late, whatever was read before', async () => {
      await removeUnanswered()
      changeDate(ms)
      await pollAndScan(ctx)
      await passGrace(ctx)
      await settle()
      expect(await receipt()).toMatchObject({ state: 'failed' })
      await ctx.panel.late.carryOut()
      await pollAndScan(ctx)
      expect(await receipt()).toMatchObject({ state: 'deleted' })
    })
  },
)

test('a deletion without a final reading ends the tenure of a user whose time of creation was changed', async () => {
  changeDate(5_000)
  const before = await accountOf(ctx.db, admin)
  await remove(false)
  const after = await accountOf(ctx.db, admin)
  expect(after.preserved).toBe(before.preserved + 100n)
  expect(after.total).toBe(before.total)
})
