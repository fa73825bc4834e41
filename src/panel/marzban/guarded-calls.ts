import type { GuardedCall } from '../panel-api.ts'

type Rule = { method: string; pattern: RegExp; call: (name: string) => GuardedCall }

/** A variable of the panel's routes is anything but a slash; letters have to be as they are here. */
const rules: Rule[] = [
  { method: 'DELETE', pattern: /^\/api\/users\/expired$/, call: () => ({ kind: 'delete expired users' }) },
  {
    method: 'DELETE',
    pattern: /^\/api\/user\/([^/]+)$/,
    call: (username) => ({ kind: 'delete user', username }),
  },
  {
    method: 'DELETE',
    pattern: /^\/api\/admin\/([^/]+)$/,
    call: (username) => ({ kind: 'delete admin', username }),
  },
  { method: 'POST', pattern: /^\/api\/users\/reset$/, call: () => ({ kind: 'reset all users' }) },
  {
    method: 'POST',
    pattern: /^\/api\/user\/([^/]+)\/(?:reset|active-next)$/,
    call: (username) => ({ kind: 'change user', username }),
  },
  {
    method: 'PUT',
    pattern: /^\/api\/user\/([^/]+)\/set-owner$/,
    call: (username) => ({ kind: 'move user', username }),
  },
  {
    method: 'POST',
    pattern: /^\/api\/admin\/usage\/reset\/([^/]+)$/,
    call: (username) => ({ kind: 'reset admin usage', username }),
  },
]

/** See `PanelApi.guardedCallOf`. */
export function guardedCallOf(method: string, path: string): GuardedCall | null {
  for (const rule of rules) {
    const match = rule.method === method ? rule.pattern.exec(path) : null
    if (match) return rule.call(match[1] ?? '')
  }
  return null
}

/** The panel answers this to sudo admins only; it refuses anybody else in the words of every call for sudo admins. */
const forSudoAdmins = '/api/admins?limit=1'

/** See `PanelApi.refusingQuestions`. */
export function refusingQuestions(call: GuardedCall): readonly string[] {
  switch (call.kind) {
    case 'delete user':
    case 'change user':
      return [userPath(call.username)]
    case 'move user':
      return [userPath(call.username), forSudoAdmins]
    case 'delete expired users':
      return ['/api/users/expired']
    case 'reset all users':
      return [forSudoAdmins]
    // The panel looks for the admin first, and asks who calls only then.
    case 'delete admin':
    case 'reset admin usage':
      return [`/api/admin/usage/${encodeURIComponent(call.username)}`]
  }
}

function userPath(username: string): string {
  return `/api/user/${encodeURIComponent(username)}`
}
