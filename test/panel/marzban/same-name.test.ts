import { expect, test } from 'vitest'
import { panelTreatsAsSame } from '../../../src/panel/marzban/same-name.ts'

test.each([
  ['eve', 'eve'],
  ['eve', 'EVE'],
  ['eve', 'éve'],
  ['eve', 'eve '],
  ['eve  ', 'Éve'],
])('"%s" and "%s" may be the same admin to a panel', (one, other) => {
  expect(panelTreatsAsSame(one, other)).toBe(true)
  expect(panelTreatsAsSame(other, one)).toBe(true)
})

test.each([
  ['eve', 'eva'],
  ['eve', ' eve'],
  ['eve', 'eve\t'],
  ['eve', 'e ve'],
  ['e_e', 'eve'],
  ['e%', 'eve'],
  ['', ' e'],
])('"%s" and "%s" are two', (one, other) => {
  expect(panelTreatsAsSame(one, other)).toBe(false)
})
