/** A call of Marzban's API after which bytes could not be counted any more that nobody has read before. */
export type GuardedCall =
  | { kind: 'delete user'; username: string }
  | { kind: 'change user'; username: string }
  | { kind: 'move user'; username: string }
  | { kind: 'delete expired users' }
  | { kind: 'reset all users' }
  | { kind: 'delete admin'; username: string }
  | { kind: 'reset admin usage'; username: string }

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

/**
 * What a request would make the panel forget; null: nothing, it can be passed through.
 *
 * @param path decoded, as the panel's router sees it.
 */
export function guardedCallOf(method: string, path: string): GuardedCall | null {
  for (const rule of rules) {
    const match = rule.method === method ? rule.pattern.exec(path) : null
    if (match) return rule.call(match[1] ?? '')
  }
  return null
}
