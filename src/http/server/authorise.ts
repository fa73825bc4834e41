import { LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import { type Action, requireReach, requireRight } from '../../work/callers/may.ts'
import type { App } from '../app-type.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller must have the right to. Every route that needs a login has it. */
    right?: Action
  }
}

/**
 * Refuses callers without the right of the route, before the parameters are checked. A caller that has it only to its own
 * passes here; the handler checks whose target it is.
 *
 * @param app its routes are those that need a login.
 */
export function authorise(app: App): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.right === undefined) throw new Error(`${method} ${url} has no right in its config`)
  })
  app.addHook('onRequest', async ({ caller, routeOptions: { config } }) => {
    if (config.right) requireReach(caller, config.right)
  })
}

/**
 * The account that an `{id}` means to `caller`.
 *
 * @throws `forbidden` when the caller may not do `action` there; `not_found` for `me` of a caller without an account.
 */
export function accountIdOf(
  caller: Caller,
  id: number | 'me',
  action: 'read account' | 'delete users' = 'read account',
): bigint {
  const adminId = id === 'me' ? ownAccountId(caller) : BigInt(id)
  requireRight(caller, action, { adminId })
  return adminId
}

/** @throws `not_found` for a caller without an account. */
export function ownAccountId({ kind, name, adminId }: Caller): bigint {
  if (adminId !== null) return adminId
  const why =
    kind !== 'admin'
      ? 'the API key belongs to no admin; use an id from GET /admins.'
      : `none has been opened for ${name}; an admin gets one as soon as the panel lists it.`
  throw new LedgerError('not_found', `You have no account of your own: ${why}`)
}
