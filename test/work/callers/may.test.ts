import { describe, expect, test } from 'vitest'
import { auditName, type Caller, operator } from '../../../src/work/callers/caller.ts'
import {
  type Action,
  may,
  reachOf,
  requireReach,
  requireRight,
  type Targets,
} from '../../../src/work/callers/may.ts'

const own = { adminId: 1n }
const others = { adminId: 2n }
const nobodys = { adminId: null }
const admin = { kind: 'admin', name: 'ana', isSudo: false, adminId: 1n, token: 'token' } as const

const adminKey = { kind: 'key', name: 'ana', role: 'admin', isSudo: false, adminId: 1n, token: null } as const
const sudoKey = {
  kind: 'key',
  name: 'key:7',
  role: 'sudo',
  isSudo: true,
  adminId: null,
  token: null,
} as const

/** In the order of the columns below. */
const callers: Record<string, Caller> = {
  operator,
  'sudo admin': { ...admin, name: 'root', isSudo: true, adminId: 3n },
  'sudo admin without an account': { ...admin, name: 'root', isSudo: true, adminId: null },
  'admin with its account': admin,
  'admin without an account': { ...admin, adminId: null },
  'caller bound to an admin, without a token': { ...admin, token: null },
  'key of the admin, write': { ...adminKey, access: 'write' },
  'key of the admin, read': { ...adminKey, access: 'read' },
  'sudo key, write': { ...sudoKey, access: 'write' },
  'sudo key, read': { ...sudoKey, access: 'read' },
  'metrics key': { ...sudoKey, role: 'metrics', access: 'read', isSudo: false },
}

type Row<A extends Action = Action> = [A, string, Targets[A], string]
const row = <A extends Action>(action: A, what: string, target: Targets[A], rights: string): Row =>
  [action, what, target, rights] as Row

/** Each action with each kind of target, and `+` for each of the callers that may do it. */
const table: Row[] = [
  row('list accounts', '-', null, '+++ --- --++-'),
  row('read account', 'own', own, '+++ +-+ ++++-'),
  row('read account', "another's", others, '+++ --- --++-'),
  row('read account', "nobody's", nobodys, '+++ --- --++-'),
  row('delete user', 'own', own, '+++ +-+ +-+--'),
  row('delete user', "another's", others, '+++ --- --+--'),
  row('delete user', "nobody's", nobodys, '+++ --- --+--'),
  row('delete users', 'own', own, '+++ +-+ +-+--'),
  row('delete users', "another's", others, '+++ --- --+--'),
  row('delete users', "nobody's", nobodys, '+++ --- --+--'),
  row('delete any user', '-', null, '+++ --- --+--'),
  row('delete admin', '-', null, '+++ --- --+--'),
  row('read any deletion', '-', null, '+++ --- --++-'),
  row('cancel deletion', 'own', { requestedBy: auditName(admin) }, '+++ +++ +-+--'),
  row('cancel deletion', "another's", { requestedBy: 'admin:bob' }, '+++ --- --+--'),
  row('cancel deletion', "the operator's", { requestedBy: auditName(operator) }, '+++ --- --+--'),
  row('lose unread traffic', '-', null, '+++ --- --+--'),
  row('read sync', '-', null, '+++ --- --++-'),
  row('request sync', '-', null, '+++ --- --+--'),
  row('move user', '-', null, '+++ --- --+--'),
  row('reset all users', '-', null, '+++ --- --+--'),
  row('reset admin usage', '-', null, '+++ --- --+--'),
  row('change limits', '-', null, '+++ --- --+--'),
  row('read keys', 'own', own, '+++ +-+ ++++-'),
  row('read keys', "another's", others, '+++ --- --++-'),
  row('read keys', 'all', nobodys, '+++ --- --++-'),
  row('make key', 'for its own account', { ...own, role: 'admin' }, '+++ +-+ -----'),
  row('make key', "for another's account", { ...others, role: 'admin' }, '+++ --- -----'),
  row('make key', 'with the rights of a sudo admin', { ...nobodys, role: 'sudo' }, '+++ --- -----'),
  row('make key', 'with them, but its own account', { ...own, role: 'sudo' }, '+++ --- -----'),
  row('make key', 'for metrics', { ...nobodys, role: 'metrics' }, '+++ --- -----'),
  row('revoke key', 'own', own, '+++ +-+ -----'),
  row('revoke key', "another's", others, '+++ --- -----'),
  row('revoke key', "nobody's", nobodys, '+++ --- -----'),
  row('read audit', '-', null, '+++ --- --++-'),
]

describe.each(Object.entries(callers))('%s', (kind, caller) => {
  const column = Object.keys(callers).indexOf(kind)
  test.each(table)('may or may not %s (%s)', (action, _what, target, rights) => {
    const expected = rights.replaceAll(' ', '')[column] === '+'
    expect(may(caller, action, target)).toBe(expected)
    const demand = () => requireRight(caller, action, target)
    if (expected) expect(demand).not.toThrow()
    else expect(demand).toThrow(expect.objectContaining({ code: 'forbidden', message: expect.any(String) }))
  })
})

test('an admin with the name of the operator is not the operator', () => {
  const namesake: Caller = { ...admin, name: 'operator' }
  expect(may(namesake, 'list accounts', null)).toBe(false)
  expect(may({ ...admin, name: 'api_key' }, 'cancel deletion', { requestedBy: 'api_key' })).toBe(false)
})

test('the table has every action', () => {
  const every = {
    'list accounts': 0,
    'read account': 0,
    'delete user': 0,
    'delete users': 0,
    'delete any user': 0,
    'delete admin': 0,
    'read any deletion': 0,
    'cancel deletion': 0,
    'lose unread traffic': 0,
    'read sync': 0,
    'request sync': 0,
    'move user': 0,
    'reset all users': 0,
    'reset admin usage': 0,
    'change limits': 0,
    'read keys': 0,
    'make key': 0,
    'revoke key': 0,
    'read audit': 0,
  } satisfies Record<Action, 0>
  expect([...new Set(table.map(([action]) => action))].sort()).toEqual(Object.keys(every).sort())
})

test.each(Object.entries(callers))(
  '%s reaches a call exactly if it may do it to something',
  (_kind, caller) => {
    for (const action of new Set(table.map(([action]) => action))) {
      const rows = table.filter(([of]) => of === action)
      const allowed = rows.filter(([, , target]) => may(caller, action, target))
      const reach = reachOf(caller, action)
      // An admin without an account has the right, and nothing of its own.
      if (caller.adminId === null && reach === 'own') expect(allowed.length).toBeLessThan(rows.length)
      else expect(reach).toBe(allowed.length === 0 ? 'none' : allowed.length === rows.length ? 'all' : 'own')
      const demand = () => requireReach(caller, action)
      if (reach === 'none') expect(demand).toThrow(expect.objectContaining({ code: 'forbidden' }))
      else expect(demand).not.toThrow()
    }
  },
)

test('a key is told what it lacks', () => {
  const refusal = (caller: Caller | undefined, action: Action) => {
    try {
      if (caller) requireReach(caller, action)
      return null
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  expect(refusal(callers['sudo key, read'], 'change limits')).toContain('access write')
  expect(refusal(callers['metrics key'], 'read account')).toContain('role metrics')
  expect(refusal(callers['sudo key, write'], 'make key')).toContain('token of a Marzban admin')
})

test('a sudo key has a name of its own in the trail, and the key of an admin that of its admin', () => {
  expect(auditName({ ...sudoKey, access: 'write' })).toBe('key:7')
  expect(auditName({ ...adminKey, access: 'write' })).toBe(auditName(admin))
})
