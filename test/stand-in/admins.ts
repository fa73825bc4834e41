import { type Answer, json, Refusal } from './answer.ts'
import { type Call, readInteger, readJson, requireSudo } from './call.ts'
import { contains } from './names.ts'
import type { Admin } from './records.ts'
import { renderAdmin } from './render.ts'
import { isServedStatus } from './statuses.ts'

export function showCaller({ who, state, hasUsage }: Call): Answer {
  const admin = state.findAdmin(who.username)
  if (admin && who.inDatabase) return json(renderAdmin(admin, hasUsage))
  const environment: Admin = { username: who.username, password: '', isSudo: true, usage: 0n }
  return json(renderAdmin(environment, hasUsage, false))
}

export function listAdmins(call: Call): Answer {
  requireSudo(call)
  const offset = readInteger(call, 'offset') ?? 0
  const limit = readInteger(call, 'limit') || Number.POSITIVE_INFINITY
  const part = call.query.get('username') ?? ''
  const admins = [...call.state.admins.values()]
    .filter(({ username }) => contains(call.state.database, username, part))
    .slice(offset, offset + limit)
  return json(admins.map((admin) => renderAdmin(admin, call.hasUsage)))
}

export function createAdmin(call: Call): Answer {
  requireSudo(call)
  const { username, password, is_sudo } = readJson(call)
  if (typeof username !== 'string') throw new Refusal(422, { username: 'Field required' })
  if (typeof password !== 'string') throw new Refusal(422, { password: 'Field required' })
  if (call.state.findAdmin(username)) throw new Refusal(409, 'Admin already exists')
  const admin = call.state.createAdmin(username, { password, isSudo: is_sudo === true })
  return json(renderAdmin(admin, call.hasUsage))
}

function find(call: Call): Admin {
  const admin = call.state.findAdmin(call.path.admin ?? '')
  if (!admin) throw new Refusal(404, 'Admin not found')
  return admin
}

export function changeAdmin(call: Call): Answer {
  requireSudo(call)
  const admin = find(call)
  const { password, is_sudo } = readJson(call)
  if (typeof password === 'string') admin.password = password
  if (typeof is_sudo === 'boolean') admin.isSudo = is_sudo
  return json(renderAdmin(admin, call.hasUsage))
}

export function deleteAdmin(call: Call): Answer {
  requireSudo(call)
  const admin = find(call)
  if (admin.isSudo) {
    throw new Refusal(403, "You're not allowed to delete sudo accounts. Use marzban-cli instead.")
  }
  call.state.deleteAdmin(admin.username)
  return json(call.saysDone ? { detail: 'Admin removed successfully' } : {})
}

export function showUsage(call: Call): Answer {
  requireSudo(call)
  return json(find(call).usage)
}

export function resetUsage(call: Call): Answer {
  requireSudo(call)
  const admin = find(call)
  call.state.resetAdminUsage(admin.username)
  return json(renderAdmin(admin, call.hasUsage))
}

export function disableUsers(call: Call): Answer {
  requireSudo(call)
  for (const user of call.state.usersOf(find(call))) {
    if (isServedStatus(user.status)) user.status = 'disabled'
  }
  call.state.xray.restart(call.state.users.values())
  return json({ detail: 'Users successfully disabled' })
}

/** Every disabled user becomes active, whoever disabled it; on_hold if it had been that and has never been online. */
export function activateUsers(call: Call): Answer {
  requireSudo(call)
  for (const user of call.state.usersOf(find(call))) {
    if (user.status !== 'disabled') continue
    const waits = user.expire === null && user.onHoldExpireDuration !== null && user.onlineAt === null
    user.status = waits ? 'on_hold' : 'active'
  }
  call.state.xray.restart(call.state.users.values())
  return json({ detail: 'Users successfully activated' })
}

export function showSystem({ state, release }: Call): Answer {
  const count = (status: string) => [...state.users.values()].filter((user) => user.status === status).length
  return json({
    version: release,
    mem_total: 25_276_502_016,
    mem_used: 667_136_000,
    cpu_cores: 2,
    cpu_usage: 0.5,
    total_user: state.users.size,
    online_users: 0,
    users_active: count('active'),
    users_on_hold: count('on_hold'),
    users_disabled: count('disabled'),
    users_expired: count('expired'),
    users_limited: count('limited'),
    incoming_bandwidth: 0,
    outgoing_bandwidth: 0,
    incoming_bandwidth_speed: 0,
    outgoing_bandwidth_speed: 0,
  })
}
