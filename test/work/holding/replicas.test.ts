import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listHolds } from '../../../src/store/holds/holds.ts'
import { disableTooLate, moveUserInPanel, passLook, useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows, figures } = holding

test('a user that a replica disables when another has given all back and removed the hold is given back', async () => {
  create('anna')
  await disableTooLate(holding, async () => {
    await passLook(holding)
    await enforce()
    expect(await figures()).toBeNull()
  })
  expect(statuses('anna')).toEqual(['disabled'])
  expect(await listHolds(holding.db)).toEqual([holding.ada])
  await passLook(holding)
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
})

test('a user that a late request has disabled is given back also if its admin was held again before anybody saw that', async () => {
  create('anna')
  await disableTooLate(holding)
  expect(statuses('anna')).toEqual(['disabled'])
  await hold()
  await passLook(holding)
  await enforce()
  expect([statuses('anna'), await figures()]).toMatchObject([['disabled'], { total: 1, done: 1 }])
  await lift()
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
})

test('a user that a late request has disabled and that was moved into a held account is held there, and given back by that', async () => {
  create('anna')
  await disableTooLate(holding)
  await hold(holding.bob)
  await moveUserInPanel(holding, 'anna', 'bob')
  for (let poll = 0; poll < 3; poll += 1) {
    await passLook(holding)
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    await enforce(holding.bob)
    expect(statuses('anna')).toEqual(['disabled'])
  }
  await lift(holding.bob)
  await enforce(holding.bob)
  expect(statuses('anna')).toEqual(['active'])
})

test('a user that its reseller disabled after a hold stays so, also if the admin was held again right then', async () => {
  create('anna')
  await hold()
  await enforce()
  await lift()
  await enforce()
  holding.panel.state.mustFind('anna').status = 'disabled'
  await hold()
  await enforce()
  await lift()
  await enforce()
  expect(statuses('anna')).toEqual(['disabled'])
})

test('two replicas at once hold and give back each user once', async () => {
  create('anna')
  create('bella', { status: 'on_hold', onHoldExpireDuration: 3_600 })
  create('clara')
  await hold()
  await Promise.all([enforce(), enforce()])
  expect([statuses('anna', 'bella', 'clara'), await rows()]).toEqual([
    ['disabled', 'disabled', 'disabled'],
    ['anna held', 'clara held', 'bella held'],
  ])
  await lift()
  await Promise.all([enforce(), enforce(), setTimeout(1).then(() => enforce())])
  expect(statuses('anna', 'bella', 'clara')).toEqual(['active', 'on_hold', 'active'])
})

test('a user that a late request has disabled is given back also when the clock was set back meanwhile', async () => {
  create('anna')
  await disableTooLate(holding)
  await sql`update held_users set look_at = look_at + interval '1 hour'`.execute(holding.db)
  await sql`update holds set since = since + interval '1 hour'`.execute(holding.db)
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
  await sql`update held_users set look_at = clock_timestamp()`.execute(holding.db)
  await enforce()
  expect(await figures()).toBeNull()
})
