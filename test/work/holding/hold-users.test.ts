import { describe, expect, test } from 'vitest'
import { reviewUsers } from '../../stand-in/jobs.ts'
import { pollAndScan } from '../../support/deleting.ts'
import { passLook, useHolding, useUp } from '../../support/holding.ts'
import { limitOf } from '../../support/limits.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows, figures } = holding

/** A user of each kind; all of them as they were: */
function createOneOfEach(): void {
  create('active')
  create('waits', { status: 'on_hold', onHoldExpireDuration: 86_400, onHoldTimeout: '2027-01-01T00:00:00' })
  create('off', { status: 'disabled' })
  create('full', { status: 'limited', dataLimit: 5 })
  create('old', { status: 'expired', expire: 1 })
}
const plan = { data_limit: 500, expire: null, add_remaining_traffic: false, fire_on_either: true }
const all = ['active', 'waits', 'off', 'full', 'old'] as const
const before = ['active', 'on_hold', 'disabled', 'limited', 'expired']
const held = ['disabled', 'disabled', 'disabled', 'limited', 'expired']

describe('a limit that disables users', () => {
  test('disables those that the panel serves, and a grant gives them back as they were', async () => {
    createOneOfEach()
    await useUp(holding, 'active')
    expect((await holding.limits.read(holding.ada)).status).toMatchObject({
      state: 'exceeded',
      hold: { reasons: ['limit'], total: 2, done: 0, failed: 0 },
    })
    await enforce()
    expect(statuses(...all)).toEqual(held)
    expect(await figures()).toEqual({ reasons: ['limit'], total: 2, done: 2, failed: 0 })

    await holding.limits.grant(holding.ada, { bytes: 500n, note: null, reference: null, by: 'api_key' })
    expect(await figures()).toMatchObject({ reasons: [], total: 2 })
    await enforce()
    expect(statuses(...all)).toEqual(before)
    expect(holding.panel.state.mustFind('waits')).toMatchObject({
      onHoldExpireDuration: 86_400,
      onHoldTimeout: '2027-01-01T00:00:00',
    })
    await passLook(holding)
    await enforce()
    expect([statuses(...all), await figures()]).toEqual([before, null])
  })

  test('holds nobody when it only notifies, and gives them back when it is changed to that, or removed', async () => {
    create('anna')
    await useUp(holding, 'anna')
    await enforce()
    const { limit } = await holding.limits.read(holding.ada)
    const notify = {
      request: { ...limit, onExceed: 'notify' as const },
      expected: null,
      isDryRun: false,
      by: 'x',
    }
    await holding.limits.set(holding.ada, notify)
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
    await holding.limits.set(holding.ada, { ...notify, request: { ...limit, onExceed: 'disable_users' } })
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    await holding.limits.remove(holding.ada, { expected: null, by: 'x' })
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
  })

  test('says before what it would do', async () => {
    createOneOfEach()
    holding.panel.state.accrue('active', 1_000n)
    await pollAndScan(holding)
    const request = {
      trafficLimit: 10n,
      countFrom: 'beginning' as const,
      period: null,
      carryOver: 'none' as const,
      validUntil: null,
      warnAt: [],
      onExceed: 'disable_users' as const,
    }
    const { status } = await holding.limits.set(holding.ada, {
      request,
      expected: null,
      isDryRun: true,
      by: 'x',
    })
    expect(status).toMatchObject({ state: 'exceeded', hold: { reasons: ['limit'], total: 2 } })
    expect(await figures()).toBeNull()
  })

  test('is refused for a sudo admin and for a closed account, and so is a hold', async () => {
    holding.panel.state.createAdmin('root', { isSudo: true })
    await pollAndScan(holding)
    const root = await holding.db
      .selectFrom('admins')
      .select('id')
      .where('username', '=', 'root')
      .executeTakeFirstOrThrow()
    const refused = { code: 'conflict' }
    await expect(hold(root.id)).rejects.toMatchObject(refused)
    await holding.db
      .updateTable('admins')
      .set({ closed_at: new Date() })
      .where('id', '=', holding.bob)
      .execute()
    await expect(hold(holding.bob)).rejects.toMatchObject(refused)
  })
})

describe('an admin that becomes sudo while it is held', () => {
  const promote = async () => {
    const ada = holding.panel.state.admins.get('ada')
    if (ada) ada.isSudo = true
    await pollAndScan(holding)
  }

  test('stays held until its operator lifts the hold', async () => {
    create('anna')
    await hold()
    await enforce()
    await promote()
    await enforce()
    expect([statuses('anna'), await figures()]).toMatchObject([['disabled'], { reasons: ['operator'] }])
    await lift()
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
    await expect(hold()).rejects.toMatchObject({ code: 'conflict' })
  })

  test('stays held by its limit until that only notifies', async () => {
    create('anna')
    await useUp(holding, 'anna')
    await enforce()
    await promote()
    await enforce()
    expect([statuses('anna'), await figures()]).toMatchObject([['disabled'], { reasons: ['limit'] }])
    await holding.limits.set(holding.ada, limitOf(1_000n, { onExceed: 'notify' }))
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
  })
})

describe('several reasons', () => {
  test('hold until the last one is gone', async () => {
    create('anna')
    await useUp(holding, 'anna')
    await hold()
    expect(await figures()).toMatchObject({ reasons: ['limit', 'operator'] })
    await enforce()
    await lift()
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    await expect(lift()).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('limit'),
    })
    await holding.limits.grant(holding.ada, { bytes: 500n, note: null, reference: null, by: 'x' })
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
  })
})

test('an account that its operator holds already uses up its limit, and stays held for both', async () => {
  create('anna')
  await pollAndScan(holding)
  await hold()
  await useUp(holding, 'anna')
  expect(await figures()).toMatchObject({ reasons: ['limit', 'operator'] })
  await holding.limits.remove(holding.ada, { expected: null, by: 'x' })
  expect(await figures()).toMatchObject({ reasons: ['operator'] })
  const { operator } = await holding.holds.read(holding.ada)
  expect(operator).toMatchObject({ reason: 'unpaid', by: 'api_key' })
})

describe('while a hold lasts', () => {
  test.each([
    ['a reset', (name: string) => holding.panel.state.resetUser(name)],
    ['its next plan', (name: string) => holding.panel.state.activateNextPlan(name)],
    [
      'an edit',
      (name: string) => void Object.assign(holding.panel.state.mustFind(name), { status: 'active' }),
    ],
    [
      'a new wait for its first connection',
      (name: string) => {
        Object.assign(holding.panel.state.mustFind(name), { status: 'on_hold', onHoldExpireDuration: 60 })
      },
    ],
  ])('a user that is active again by %s is disabled again', async (_, reactivate) => {
    create('anna', { nextPlan: plan, dataLimit: 10 })
    await hold()
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    reactivate('anna')
    const now = statuses('anna')
    expect(now).not.toEqual(['disabled'])
    await enforce()
    expect([statuses('anna'), await rows()]).toEqual([['disabled'], ['anna held']])
    await lift()
    await enforce()
    expect(statuses('anna')).toEqual(now)
  })

  test('new users are disabled, and a user that is created again under its name is another one', async () => {
    create('anna')
    await hold()
    await enforce()
    holding.panel.state.deleteUser('anna')
    create('anna')
    create('bella')
    await enforce()
    expect(statuses('anna', 'bella')).toEqual(['disabled', 'disabled'])
    await pollAndScan(holding)
    await lift()
    await enforce()
    expect(statuses('anna', 'bella')).toEqual(['active', 'active'])
    expect(await rows()).toEqual(['anna gone', 'anna restored', 'bella restored'])
  })

  test('a limited user is left alone until it is active', async () => {
    create('anna', { status: 'limited', dataLimit: 10, lifetime: 10n })
    await hold()
    await enforce()
    expect([statuses('anna'), await rows()]).toEqual([['limited'], []])
    holding.panel.state.resetUser('anna')
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
  })

  test('a user that was deleted is gone, and is not created again', async () => {
    create('anna')
    await hold()
    await enforce()
    holding.panel.state.deleteUser('anna')
    await lift()
    await enforce()
    expect(await rows()).toEqual(['anna gone'])
  })
})

describe('a queued plan', () => {
  test('stays queued while its user is disabled and enabled', async () => {
    create('anna', { nextPlan: plan })
    await hold()
    await enforce()
    expect(holding.panel.state.mustFind('anna').nextPlan).toEqual(plan)
    await lift()
    await enforce()
    expect(holding.panel.state.mustFind('anna').nextPlan).toEqual(plan)
  })

  test('that the panel carries out right before the user is disabled is not queued again', async () => {
    const anna = create('anna', { nextPlan: plan, dataLimit: 10, lifetime: 10n })
    await hold()
    holding.panel.faults.add({
      method: 'PUT',
      kind: 'hook',
      times: 1,
      before: () => reviewUsers(holding.panel.state),
    })
    await enforce()
    expect([anna.status, anna.nextPlan, anna.dataLimit]).toEqual(['disabled', null, 500n])
  })
})

test('a closed account gives nothing back', async () => {
  const { closeDeletedAdmin } = await import('../../../src/work/deleting/close-admin.ts')
  const { drawAsked } = await import('../../../src/store/connection/logical-clock.ts')
  create('anna')
  await hold()
  await enforce()
  const { id } = await holding.db
    .insertInto('deletions')
    .values({
      kind: 'admin',
      admin_id: holding.ada,
      requested_by: 'api_key',
      state: 'requested',
      preserve_traffic: true,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await closeDeletedAdmin(
    holding.db,
    { id, kind: 'admin', adminId: holding.ada },
    await drawAsked(holding.db),
  )
  await enforce()
  expect([
    statuses('anna'),
    await rows(),
    await holding.db.selectFrom('holds').selectAll().execute(),
  ]).toEqual([['disabled'], ['anna gone'], []])
})
