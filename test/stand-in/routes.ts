import * as admins from './admins.ts'
import { type Answer, json } from './answer.ts'
import type { Call } from './call.ts'
import type { Traits } from './release.ts'
import * as lists from './user-lists.ts'
import * as users from './users.ts'

type Handler = (call: Call) => Answer
export type Route = { method: string; pattern: RegExp; handle: Handler; since08: boolean }

/**
 * In FastAPI's order: the first that matches answers. A variable never matches a slash; a line feed at the end is
 * overlooked, as Python's `$` does.
 */
export const routes: Route[] = [
  route('GET', '/api/admin', admins.showCaller),
  route('POST', '/api/admin', admins.createAdmin),
  route('PUT', '/api/admin/{admin}', admins.changeAdmin),
  route('DELETE', '/api/admin/{admin}', admins.deleteAdmin),
  route('GET', '/api/admins', admins.listAdmins),
  route('POST', '/api/admin/{admin}/users/disable', admins.disableUsers),
  route('POST', '/api/admin/{admin}/users/activate', admins.activateUsers),
  route('POST', '/api/admin/usage/reset/{admin}', admins.resetUsage),
  route('GET', '/api/admin/usage/{admin}', admins.showUsage),
  route('GET', '/api/system', admins.showSystem),
  route('POST', '/api/user', users.createUser),
  route('GET', '/api/user/{user}', users.showUser),
  route('PUT', '/api/user/{user}', users.changeUser),
  route('DELETE', '/api/user/{user}', users.deleteUser),
  route('POST', '/api/user/{user}/reset', users.resetUser),
  route('POST', '/api/user/{user}/revoke_sub', users.revokeSubscription),
  route('POST', '/api/user/{user}/active-next', users.activateNextPlan),
  route('GET', '/api/users', lists.listUsers),
  route('POST', '/api/users/reset', users.resetAllUsers),
  route('GET', '/api/user/{user}/usage', users.showUserUsage),
  route('GET', '/api/users/usage', users.showUsersUsage),
  route('PUT', '/api/user/{user}/set-owner', users.setOwner),
  route('GET', '/api/users/expired', lists.listExpired),
  route('DELETE', '/api/users/expired', lists.deleteExpired),
]

function isSince08(path: string): boolean {
  return path.startsWith('/api/admin/usage/') || path.endsWith('/active-next')
}

function route(method: string, path: string, handle: Handler): Route {
  const pattern = path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  return { method, pattern: new RegExp(`^${pattern}\\n?$`), handle, since08: isSince08(path) }
}

export const notFound = json({ detail: 'Not Found' }, 404)

/** The route for a decoded path; `allowed` has the methods of those that match it, whatever the method asked for. */
export function findRoute(
  method: string,
  path: string,
  { is08 }: Pick<Traits, 'is08'> = { is08: true },
): { route: Route | null; variables: Record<string, string>; allowed: string[] } {
  const matching = routes.filter(({ pattern, since08 }) => pattern.test(path) && (is08 || !since08))
  const found = matching.find((candidate) => candidate.method === method) ?? null
  const variables = { ...found?.pattern.exec(path)?.groups }
  return { route: found, variables, allowed: matching.map((candidate) => candidate.method) }
}
