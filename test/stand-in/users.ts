import { type Answer, internalServerError, json, Refusal } from './answer.ts'
import { type Call, readJson, requireSudo } from './call.ts'
import { breaksAnswers, renderUser } from './render.ts'
import type { NextPlan, User } from './state.ts'

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
  if (call.state.find(username)) throw new Refusal(409, 'User already exists')
  if (typeof body.data_limit === 'number' && body.data_limit < 0) {
    throw new Refusal(422, { data_limit: 'Input should be greater than or equal to 0' })
  }
  // MySQL refuses the row; SQLite keeps it, and the panel stumbles when it shows it.
  if (call.state.database === 'mysql' && Number(body.expire ?? 0) > 2 ** 31 - 1) return internalServerError
  // An admin of the name of the environment's account is taken for it.
  const admin = call.state.findAdmin(call.who.username)?.username ?? null
  const user = call.state.createUser(username, { admin })
  change(user, body)
  return show(call, user)
}

export function changeUser(call: Call): Answer {
  const user = find(call)
  const body = readJson(call)
  change(user, body)
  // A plan that is queued and not sent back is deleted.
  if (!('next_plan' in body)) user.nextPlan = null
  return show(call, user)
}

function change(user: User, body: Record<string, unknown>): void {
  if (typeof body.status === 'string') user.status = body.status
  if ('data_limit' in body) user.dataLimit = (body.data_limit as bigint | number | null) || null
  if ('expire' in body) user.expire = (body.expire as bigint | number | null) || null
  if ('note' in body) user.note = body.note as string | null
  if (typeof body.data_limit_reset_strategy === 'string') user.resetStrategy = body.data_limit_reset_strategy
  if (body.next_plan) {
    user.nextPlan = {
      data_limit: null,
      expire: null,
      add_remaining_traffic: false,
      fire_on_either: true,
      ...(body.next_plan as Partial<NextPlan>),
    }
  }
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
  return show(call, user)
}

/** It looks for the plan once more when it has been carried out, so that the answer is always the same. */
export function activateNextPlan(call: Call): Answer {
  const user = find(call)
  const plan = user.nextPlan
  const none = new Refusal(404, "User doesn't have next plan")
  if (!plan) throw none
  const left = Number(user.dataLimit ?? 0) - Number(user.used)
  call.state.resetUser(user.username)
  user.dataLimit = (plan.data_limit ?? 0) + (plan.add_remaining_traffic ? left : 0) || null
  user.expire = plan.expire
  user.status = 'active'
  user.nextPlan = null
  throw none
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
