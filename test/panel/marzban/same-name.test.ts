import { expect, test } from 'vitest'
import { panelTreatsAsSame } from '../../../src/panel/marzban/same-name.ts'
import { facing } from '../facing.ts'
import { adminJson, json } from '../fake-panel.ts'

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

test.each([
  ['the admin of exactly this name', ['Eve', 'eve'], 'eve'],
  ['the only admin that it treats as the same', ['Eve', 'ada'], 'Eve'],
  ['no admin when several differ alike', ['Eve', 'EVE'], null],
  ['no admin when none is the same', ['ada'], null],
])('by a name, the panel means %s', async (_, names, meant) => {
  const { client } = await facing((_request, response) => {
    json(
      response,
      200,
      names.map((username) => ({ ...adminJson, username })),
    )
  })
  const found = await client.adminNamed('eve')
  expect(found.meant?.username ?? null).toBe(meant)
  expect(found.exact?.username ?? null).toBe(names.includes('eve') ? 'eve' : null)
  expect(found.same.map(({ username }) => username)).toEqual(names.filter((name) => name !== 'ada'))
})
