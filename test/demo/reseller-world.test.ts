import { expect, test } from 'vitest'
import { PanelState } from '../stand-in/state.ts'
import { createResellerWorld, resellers } from './reseller-world.ts'

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
