import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { listHolds } from '../../../src/store/holds/holds.ts'
import { passLook, useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows, figures } = holding

test('a user that a replica disables when another has given all back and removed the hold is given back', async () => {
  create('anna')
  await hold()
  holding.panel.faults.add({
    method: 'PUT',
    kind: 'hook',
    times: 1,
    before: async () => {
      await lift()
      await enforce()
      await passLook(holding)
      await enforce()
      expect(await figures()).toBeNull()
    },
  })
  await enforce()
  expect(statuses('anna')).toEqual(['disabled'])
  expect(await listHolds(holding.db)).toEqual([holding.ada])
  await passLook(holding)
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
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
