import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import { type GeneralAction, requireRight } from '../../work/callers/may.ts'

/** Lets a request pass only if its caller may do this. It runs before the parameters are checked. */
export function onlyWithRight(action: GeneralAction): onRequestAsyncHookHandler {
  return async ({ caller }: FastifyRequest) => requireRight(caller, action, null)
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

function ownAccountId({ kind, name, adminId }: Caller): bigint {
  if (adminId !== null) return adminId
  const why =
    kind === 'operator'
      ? 'the API key belongs to no admin; use an id from GET /admins.'
      : `none has been opened for ${name}; an admin gets one as soon as the panel lists it.`
  throw new LedgerError('not_found', `You have no account of your own: ${why}`)
}
