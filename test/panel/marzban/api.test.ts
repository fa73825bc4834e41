import { expect, test } from 'vitest'
import { marzbanApi } from '../../../src/panel/marzban/api.ts'
import type { GuardedCall } from '../../../src/panel/panel-api.ts'

test.each([
  [{ kind: 'delete user', username: 'a b' }, ['/api/user/a%20b']],
  [{ kind: 'change user', username: 'a' }, ['/api/user/a']],
  [{ kind: 'move user', username: 'a' }, ['/api/user/a', '/api/admins?limit=1']],
  [{ kind: 'delete expired users' }, ['/api/users/expired']],
  [{ kind: 'reset all users' }, ['/api/admins?limit=1']],
  [{ kind: 'delete admin', username: 'é' }, ['/api/admin/usage/%C3%A9']],
  [{ kind: 'reset admin usage', username: 'a' }, ['/api/admin/usage/a']],
] as [GuardedCall, string[]][])('the panel refuses %j by harmless questions', (call, questions) => {
  expect(marzbanApi.refusingQuestions(call)).toEqual(questions)
})

test.each([
  ['/api/core/logs', true],
  ['/api/node/12/logs', true],
  ['/api/node/x/logs', false],
  ['/api/core/logs/', false],
  ['/api/core', false],
])('a WebSocket at %s: %j', (path, expected) => {
  expect(marzbanApi.hasWebSocket(path)).toBe(expected)
})

test.each([
  ['/api/user/ada', false],
  ['/sub/c2VjcmV0', true],
  ['/api', true],
])('%s may hold a secret: %j', (path, expected) => {
  expect(marzbanApi.isSecretPath(path)).toBe(expected)
})

test.each([
  ['Bearer abc', 'abc'],
  ['bEARER  a b', ' a b'],
  ['Basic abc', null],
  ['Bearer', null],
  [undefined, null],
])('the token in the header %j is %j', (authorization, token) => {
  expect(marzbanApi.tokenOf(authorization === undefined ? {} : { authorization })).toBe(token)
})
