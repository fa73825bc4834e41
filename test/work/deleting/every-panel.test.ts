import { describe, expect, test } from 'vitest'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { settleDeletions } from '../../../src/work/deleting/settle.ts'
import { everyPanel } from '../../stand-in/every-panel.ts'
import {
  asOperator,
  passGrace,
  pollAndScan,
  receiptsOf,
  useDeleting,
  workOf,
} from '../../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'

describe.each(everyPanel)('deletions on Marzban $release with $database', (panel) => {
  // MySQL keeps whole seconds: two users of a name that were made in the same second look alike.
  let clock = Date.now()
  const ctx = useDeleting({ ...panel, now: () => clock })
  const remove = (username: string, preserveTraffic = true) =>
    deleteUser(workOf(ctx), asOperator(username, { preserveTraffic }))

  test('count every byte once: of a user, of one created again a second later, of one that moved', async () => {
    const { state } = ctx.panel
    for (const admin of ['ada', 'ben']) state.createAdmin(admin)
    for (const bytes of [100, 20]) {
      clock += 1_000
      state.createUser('user', { admin: 'ada' })
      state.accrue('user', bytes)
      await pollAndScan(ctx)
      expect(await remove('user')).toMatchObject({ state: 'deleted', finalReading: BigInt(bytes) })
      expect(state.users.has('user')).toBe(false)
    }
    state.createUser('moves', { admin: 'ada', lifetime: 3n })
    await pollAndScan(ctx)
    state.setOwner('moves', 'ben')
    state.accrue('moves', 4_000)
    expect(await remove('moves')).toMatchObject({ state: 'deleted' })
    await pollAndScan(ctx)
    expect((await accountOf(ctx.db, 'ada')).total).toBe(123n)
    expect((await accountOf(ctx.db, 'ben')).total).toBeLessThanOrEqual(4_000n)
    expect(await inconsistentAccounts(ctx.db)).toEqual([])
  })

  test('of a user without an owner, and without a final reading', async () => {
    const { state } = ctx.panel
    state.createUser('nobodys', { admin: null, lifetime: 5n })
    expect(await remove('nobodys')).toMatchObject({ state: 'deleted' })
    state.createUser('unread', { admin: null, lifetime: 5n })
    expect(await remove('unread', false)).toMatchObject({ state: 'deleted' })
    expect([...state.users.keys()]).toEqual([])
  })

  test.each([true, false])('whose answer is lost are settled: the panel acted: %s', async (acts) => {
    ctx.panel.state.createAdmin('ada')
    const name = `lost_${acts}`
    ctx.panel.state.createUser(name, { admin: 'ada', lifetime: 7n })
    ctx.panel.faults.add({ kind: 'cut', method: 'DELETE', acts })
    const outcome = await remove(name).catch((error: unknown) => error)
    expect(outcome).toBeDefined()
    ctx.panel.faults.clear()
    await passGrace(ctx)
    await settleDeletions(workOf(ctx))
    expect(await receiptsOf(ctx, name)).toMatchObject([
      { state: acts ? 'deleted' : 'failed', finalReading: 7n },
    ])
    expect(ctx.panel.state.users.has(name)).toBe(!acts)
  })
})
