import { type Answer, internalServerError, json, Refusal } from './answer.ts'
import { type Call, readJson, requireSudo } from './call.ts'
import type { User } from './records.ts'
import { breaksAnswers, renderUser } from './render.ts'
import { makeSecret } from './secrets.ts'
import { applyChange, isServedStatus } from './statuses.ts'
import { hasBrokenPlan, readUserForm } from './user-forms.ts'

/** Meant for 3 to 32 characters; but any number may follow what does not belong to a word, and a line feed. */
const namePattern = /^(?=\w{3,32}\b)[a-zA-Z0-9_@.-]+\n?$/
const nameRule =
  'Value error, Username only can be 3 to 32 characters and contain a-z, 0-9, and underscores in between.'

/** The user of the path, if the caller may see it. */
function find(call: Call): User {
  const user = call.state.find(call.path.user ?? '')
  if (!user) throw new Refusal(404, 'User not found')
  if (!call.who.isSudo && user.owner?.username !== call.who.username) {
    throw new Refusal(403, "You're not allowed")
  }
  return user
}

function show(call: Call, user: User): Answer {
  if (breaksAnswers(user)) return internalServerError
  return { ...json(renderUser(user, call.hasUsage)), listedUsers: 1 }
}

export function showUser(call: Call): Answer {
  return show(call, find(call))
}

export function createUser(call: Call): Answer {
  const body = readJson(call)
  const { username } = body
  if (typeof username !== 'string' || !namePattern.test(username))
    throw new Refusal(422, { username: nameRule })
  if (!body.proxies || Object.keys(body.proxies).length === 0) {
    throw new Refusal(422, { proxies: 'Value error, Each user needs at least one proxy' })
  }
  const form = readUserForm(body, 'create')
  // Whatever the database refuses is told as a name that is taken.
  if (call.state.find(username) || hasBrokenPlan(form)) throw new Refusal(409, 'User already exists')
  // MySQL refuses the row; SQLite keeps it, and the panel stumbles when it shows it.
  if (call.state.database === 'mysql' && Number(body.expire ?? 0) > 2 ** 31 - 1) return internalServerError
  // An admin of the name of the environment's account is taken for it.
  const admin = call.state.findAdmin(call.who.username)?.username ?? null
  const user = call.state.createUser(username, {
    ...form,
    admin,
    status: form.status ?? 'active',
    dataLimit: form.dataLimit || null,
    expire: form.expire || null,
    resetStrategy: form.resetStrategy ?? 'no_reset',
  })
  if (breaksAnswers(user)) call.state.xray.forget(user)
  return show(call, user)
}

export function changeUser(call: Call): Answer {
  const user = find(call)
  const form = readUserForm(readJson(call), 'change')
  if (hasBrokenPlan(form)) return internalServerError
  applyChange(user, form, call.state.now())
  user.editedAt = call.state.timestamp()
  return tellAndShow(call, user)
}

/** The panel tells its core only after it has built its answer. */
function tellAndShow(call: Call, user: User): Answer {
  if (!breaksAnswers(user)) call.state.xray.tell(user)
  return show(call, user)
}

/** A user without an owner is deleted too, before the panel (since 0.8) stumbles over the missing owner. */
export function deleteUser(call: Call): Answer {
  const user = find(call)
  call.state.deleteUser(user.username)
  if (!user.owner && call.stumblesOverMissingOwner) return internalServerError
  return json(call.saysDone ? { detail: 'User successfully deleted' } : {})
}

export function resetUser(call: Call): Answer {
  const user = find(call)
  call.state.resetUser(user.username)
  return tellAndShow(call, user)
}

/**
 * The panel looks for the plan once more when it has carried it out, so that the answer is always the same; and its core is
 * never told.
 */
export function activateNextPlan(call: Call): Answer {
  const user = find(call)
  if (call.state.activateNextPlan(user.username) === 'failed') return internalServerError
  throw new Refusal(404, "User doesn't have next plan")
}

/** New secrets. The panel writes all the user's fields once more, and with them the status that its limit and expiry demand. */
export function revokeSubscription(call: Call): Answer {
  const user = find(call)
  if (breaksAnswers(user)) return internalServerError
  const { status, dataLimit, expire, nextPlan } = user
  applyChange(user, { status, dataLimit, expire, nextPlan }, call.state.now())
  user.editedAt = call.state.timestamp()
  user.token = makeSecret()
  user.proxies = { shadowsocks: { ...user.proxies.shadowsocks, password: makeSecret() } }
  if (isServedStatus(user.status)) call.state.xray.tell(user)
  return show(call, user)
}

export function resetAllUsers(call: Call): Answer {
  requireSudo(call)
  call.state.resetAll(call.state.findAdmin(call.who.username))
  return json(call.saysDone ? { detail: 'Users successfully reset.' } : {})
}

export function setOwner(call: Call): Answer {
  const user = find(call)
  requireSudo(call)
  const admin = call.query.get('admin_username')
  if (admin === null) throw new Refusal(422, { admin_username: 'Field required' })
  const owner = call.state.findAdmin(admin)
  if (!owner) throw new Refusal(404, 'Admin not found')
  call.state.setOwner(user.username, owner.username)
  return show(call, user)
}

const masterUsage = [{ node_id: null, node_name: 'Master', used_traffic: 0 }]

export function showUserUsage(call: Call): Answer {
  return json({ username: find(call).username, usages: masterUsage })
}

export function showUsersUsage(): Answer {
  return json({ usages: masterUsage })
}
