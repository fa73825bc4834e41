import { expect, onTestFinished, test } from 'vitest'
import { startTestService, withKey } from '../service.ts'

test("an answer about another user than the one asked for is not the panel's: nobody is deleted, nobody is found gone", async () => {
  const service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }],
  })
  onTestFinished(() => service.close())
  const { state, faults } = service.panel
  for (const username of ['alice', 'bob']) state.createUser(username, { admin: 'ana', lifetime: 10n })
  await service.poll()
  await service.scan()
  const bob = await fetch(`${service.panel.url}/api/user/bob`, { headers: service.as('root') })
  faults.add({
    kind: 'answer',
    method: 'GET',
    path: '/api/user/alice',
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: await bob.text(),
  })
  const answer = await service.app.inject({ method: 'DELETE', url: '/users/alice', headers: withKey })
  expect([answer.statusCode, [...state.users.keys()]]).toEqual([502, ['alice', 'bob']])
  const open = await service.db
    .selectFrom('tenures')
    .select('username')
    .where('ended_at', 'is', null)
    .execute()
  expect(open.map(({ username }) => username).toSorted()).toEqual(['alice', 'bob'])
})
