import { type Answer, internalServerError, json, Refusal } from './answer.ts'
import { type Call, readInteger, readText } from './call.ts'
import { contains, isSameUser } from './names.ts'
import { lifetimeOf, type User } from './records.ts'
import { breaksAnswers, renderUser } from './render.ts'

const sortKeys: Record<string, (user: User) => string | bigint | number> = {
  username: (user) => user.username,
  used_traffic: (user) => user.used,
  lifetime_used_traffic: lifetimeOf,
  data_limit: (user) => user.dataLimit ?? 0,
  expire: (user) => user.expire ?? 0,
  created_at: (user) => user.createdAt,
}
const statuses = ['active', 'disabled', 'limited', 'expired', 'on_hold']

export function listUsers(call: Call): Answer {
  const offset = readInteger(call, 'offset') ?? 0
  // A limit of 0 is none.
  const limit = readInteger(call, 'limit') || Number.POSITIVE_INFINITY
  const users = sorted(call, filtered(call))
  const page = users.slice(offset, offset + limit)
  if (page.some(breaksAnswers)) return internalServerError
  return {
    ...json({ users: page.map((user) => renderUser(user, call.hasUsage)), total: users.length }),
    listedUsers: page.length,
  }
}

function filtered(call: Call): readonly User[] {
  const { query, state } = call
  const status = readText(call, 'status')
  if (status !== null && !statuses.includes(status)) {
    throw new Refusal(422, { status: `Input should be ${statuses.map((name) => `'${name}'`).join(', ')}` })
  }
  const names = query.getAll('username')
  const search = readText(call, 'search')
  return visible(call).filter(
    (user) =>
      state.users.get(user.username) === user &&
      (status === null || user.status === status) &&
      (names.length === 0 || names.some((name) => isSameUser(state.database, name, user.username))) &&
      (!search || [user.username, user.note ?? ''].some((text) => contains(state.database, text, search))),
  )
}

function visible(call: Call): readonly User[] {
  const { query, state, who } = call
  // A caller that is not sudo sees its own users, whatever it asks for.
  const owners = who.isSudo ? query.getAll('admin') : [who.username]
  if (owners.length === 0) return [...state.users.values()]
  return owners.flatMap((owner) => {
    const admin = state.findAdmin(owner)
    return admin ? state.usersOf(admin) : []
  })
}

function sorted(call: Call, users: readonly User[]): readonly User[] {
  const sort = readText(call, 'sort')
  if (sort === null) return users
  const keys = sort.split(',').filter((key) => key !== '')
  for (const key of keys) {
    if (!(key.replace(/^-/, '') in sortKeys)) throw new Refusal(400, `"${key}" is not a valid sort option`)
  }
  // Users are kept in the order of their creation, and two have the same time only on MySQL.
  if (keys[0] === 'created_at' && call.state.database === 'sqlite') return users
  return [...users].sort((a, b) => {
    for (const key of keys) {
      const keyOf = sortKeys[key.replace(/^-/, '')]
      if (!keyOf || keyOf(a) === keyOf(b)) continue
      return keyOf(a) < keyOf(b) === !key.startsWith('-') ? -1 : 1
    }
    return 0
  })
}

export function listExpired(call: Call): Answer {
  const expired = findExpired(call)
  return expired ? json(expired.map(({ username }) => username)) : internalServerError
}

export function deleteExpired(call: Call): Answer {
  const expired = findExpired(call)
  if (!expired) return internalServerError
  if (expired.length === 0 && !call.saysDone) return json([])
  if (expired.length === 0) throw new Refusal(404, 'No expired users found in the specified date range')
  for (const { username } of expired) call.state.deleteUser(username)
  return json(expired.map(({ username }) => username))
}

const thirtyDays = 30 * 86_400

/**
 * Users of the caller that are expired or limited and whose end lies in the range, the last thirty days unless given;
 * null for a time without a zone.
 */
function findExpired(call: Call): User[] | null {
  const after = readTime(call, 'expired_after')
  const before = readTime(call, 'expired_before')
  if (after === 'naive' || before === 'naive') return null
  const now = call.state.now() / 1000
  const from = after ?? now - thirtyDays
  const to = before ?? now
  if (before !== null && to < from) throw new Refusal(400, 'Start date must be before end date')
  return visible(call).filter(
    ({ status, expire }) =>
      (status === 'expired' || status === 'limited') &&
      expire !== null &&
      Number(expire) >= from &&
      Number(expire) <= to,
  )
}

/** Seconds since 1970; the panel stumbles over a time that names no zone, but for old releases, which take UTC. */
function readTime(call: Call, name: string): number | 'naive' | null {
  const text = readText(call, name)
  if (text === null) return null
  const match = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.exec(text)
  if (!match || Number.isNaN(Date.parse(text))) {
    const reason = text.length < 10 ? 'input is too short' : 'invalid character in year'
    throw new Refusal(422, { [name]: `Input should be a valid datetime or date, ${reason}` })
  }
  if (match[1] !== undefined) return Date.parse(text) / 1000
  if (call.saysDone) return 'naive'
  return Date.parse(text.length === 10 ? text : `${text}Z`) / 1000
}
