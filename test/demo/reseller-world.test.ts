import { expect, test } from 'vitest'
import { PanelState } from '../stand-in/state.ts'
import { createResellerWorld, resellers } from './reseller-world.ts'

test('no reseller deletes a user that the README names, however heavy it is', () => {
  const state = new PanelState()
  const world = createResellerWorld(state)
  for (const name of ['alice', 'bob']) state.accrueUser(name, 10_000_000_000_000)
  const deleted = Array.from({ length: 90 }, () => world.deleteOne()?.username)
  expect(deleted).toHaveLength(90)
  expect(deleted).not.toContain('alice')
  expect(deleted).not.toContain('bob')
  expect(state.find('alice')).toBeDefined()
  const [first] = resellers
  for (const { username } of state.usersOf(state.admins.get(first) ?? null)) {
    if (username !== 'alice' && username !== 'bob') state.deleteUser(username)
  }
  expect(world.deleteOne()).toBeNull()
})

test('the demo continues when the operator deletes users and resellers', () => {
  const state = new PanelState()
  const world = createResellerWorld(state)
  const [first, second] = resellers
  for (const { username } of state.usersOf(state.admins.get(first) ?? null)) state.deleteUser(username)
  for (const { username } of state.usersOf(state.admins.get(second) ?? null)) state.deleteUser(username)
  state.deleteAdmin(second)
  expect(world.deleteOne()).toBeNull()
  expect(world.deleteOne()).toBeNull()
  expect(world.deleteOne()).toMatchObject({ reseller: resellers[2] })
  expect(world.deleteOne()).toBeNull()
  world.consume()
})
