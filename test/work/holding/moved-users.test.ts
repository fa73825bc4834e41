import { describe, expect, test } from 'vitest'
import { moveUserInPanel, useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows } = holding

describe('a user that is moved', () => {
  test('to an account without a hold is given back', async () => {
    create('anna')
    await hold()
    await enforce()
    await moveUserInPanel(holding, 'anna', 'bob')
    await enforce()
    expect([statuses('anna'), await rows()]).toEqual([['active'], ['anna restored']])
  })

  test('to nobody is given back', async () => {
    create('anna')
    await hold()
    await enforce()
    await moveUserInPanel(holding, 'anna', null)
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
  })

  test('into a held account stays disabled until that is released', async () => {
    create('anna', { status: 'on_hold', onHoldExpireDuration: 60 })
    await hold()
    await hold(holding.bob)
    await enforce()
    await moveUserInPanel(holding, 'anna', 'bob')
    await enforce()
    await enforce(holding.bob)
    await lift()
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    await lift(holding.bob)
    await enforce(holding.bob)
    expect([statuses('anna'), await rows()]).toEqual([['on_hold'], ['anna restored']])
  })

  test('into a held account does not keep those that stay from being given back', async () => {
    for (const name of ['anna', 'bella', 'clara']) create(name)
    await hold()
    await hold(holding.bob)
    await enforce()
    for (const name of ['anna', 'bella']) holding.panel.state.setOwner(name, 'bob')
    await lift()
    await enforce()
    expect(statuses('anna', 'bella', 'clara')).toEqual(['disabled', 'disabled', 'active'])
    await lift(holding.bob)
    await enforce(holding.bob)
    expect(statuses('anna', 'bella')).toEqual(['active', 'active'])
  })
})
