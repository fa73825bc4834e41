import { expect, test } from 'vitest'
import { readNamedUsers } from '../../../src/work/observing/read-users-by-name.ts'
import { connect } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'
import { useOddPanel } from '../../support/unreadable.ts'

const ctx = useOddPanel()
const { place, work, poll } = ctx

const create = (name: string) =>
  place.panel.state.createUser(`${ctx.admin}_${name}`, { admin: ctx.admin, lifetime: 10n })

test('users about whom the panel is silent keep nobody else from being read by name', async () => {
  await poll()
  const names = ['silent', 'mute', 'fine'].map((name) => create(name).username)
  for (const name of names.slice(0, 2)) {
    place.panel.faults.add({ kind: 'hang', method: 'GET', path: `/api/user/${name}` })
  }
  const impatient = { ...work(), panel: connect(place.panel, undefined, 200) }
  await expect(readNamedUsers(impatient, names)).rejects.toMatchObject({ code: 'panel_timeout' })
  expect(await accountOf(place.db, ctx.admin)).toMatchObject({ usersCounted: 10n })
})

test('a panel that answers nobody is not asked for everybody', async () => {
  await poll()
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => create(name).username)
  place.panel.faults.add({ kind: 'hang', method: 'GET', path: /^\/api\/user\// })
  const asked: string[] = []
  const panel = connect(place.panel, undefined, 200)
  const user = async (name: string) => {
    asked.push(name)
    return panel.user(name)
  }
  const impatient = { ...work(), panel: { ...panel, user } }
  await expect(readNamedUsers(impatient, names)).rejects.toMatchObject({ code: 'panel_timeout' })
  expect(asked).toHaveLength(3)
})
