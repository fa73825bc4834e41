import { expect, test } from 'vitest'
import { useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses } = holding
const names = ['anna', 'silent', 'zoe'] as const

test('a user for whom the panel never answers does not keep the others from being held and given back', async () => {
  for (const name of names) create(name)
  await hold()
  holding.panel.faults.add({ kind: 'hang', path: /silent/ })
  await enforce()
  expect(statuses(...names)).toEqual(['disabled', 'active', 'disabled'])
  expect(await holding.figures()).toMatchObject({ done: 2 })
  holding.panel.faults.clear()
  await enforce()
  await lift()
  holding.panel.faults.add({ kind: 'hang', path: /silent/ })
  await enforce()
  expect(statuses(...names)).toEqual(['active', 'disabled', 'active'])
})

test('a panel that answers for nobody is not asked for each of many users', async () => {
  const many = Array.from({ length: 10 }, (_, index) => `user${index}`)
  for (const name of many) create(name)
  await hold()
  holding.panel.faults.add({ kind: 'hang', path: /user\d/ })
  await expect(enforce()).rejects.toMatchObject({ code: 'panel_timeout' })
  expect(holding.panel.requests.filter(({ path }) => /user\d/.test(path)).length).toBeLessThan(10)
})
