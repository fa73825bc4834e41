import { isLedgerError, LedgerError, logFields } from '../../errors.ts'
import type { Forwarded, ForwardedAnswer, Forwarder } from '../../panel/panel.ts'
import type { GuardedCall, PanelApi } from '../../panel/panel-api.ts'
import { auditName, type Caller } from '../callers/caller.ts'
import type { Callers } from '../callers/callers.ts'
import { type GeneralAction, may, requireRight } from '../callers/may.ts'
import type { AdminDeletionDeps } from '../deleting/admin-deletion.ts'
import type { UserDeletionRequest } from '../deleting/request.ts'
import type { HoldNotice } from './hold-notice.ts'

/** A guarded call of a caller. */
export type FrontRequest = {
  /** The request that is sent to the panel once everything is stored. */
  request: Forwarded
  /** The caller's token of the panel; null: none. */
  token: string | null
  /** Aborted when the caller leaves: nothing is forwarded after that. */
  gone: AbortSignal
  /**
   * Whether every user of the call must be read first. False: the caller, a sudo admin, goes on although some cannot be read;
   * their unread bytes are lost.
   */
  preserveTraffic: boolean
}

/** What guarded calls work with. */
export type FrontWork = AdminDeletionDeps & {
  callers: Pick<Callers, 'identify'>
  forwarder: Forwarder
  api: PanelApi
  /** Why an account is held; null: it is not. One indexed read. */
  holdOf: (adminId: bigint) => Promise<HoldNotice | null>
  now: () => number
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>
}

/** A caller with a token that the panel accepts. */
export type FrontCaller = Extract<Caller, { kind: 'admin' }> & { token: string }

/**
 * The caller; null: there is no token, or the panel does not know it. The panel then refuses the call itself.
 *
 * @throws the panel's errors when it cannot say whose token it is.
 */
export async function identify(
  work: Pick<FrontWork, 'callers'>,
  { token }: Pick<FrontRequest, 'token'>,
): Promise<FrontCaller | null> {
  if (token === null) return null
  try {
    const caller = await work.callers.identify({ bearer: token })
    return caller.kind === 'admin' ? { ...caller, token } : null
  } catch (error) {
    if (isLedgerError(error, 'unauthenticated')) return null
    throw error
  }
}

/**
 * Gets the panel's own refusal for a caller that may not do this: it sends harmless questions that need the same rights. The
 * call itself is not forwarded: if the panel allowed it after all, unread bytes would be lost.
 */
export async function askPanelToRefuse(
  work: FrontWork,
  { request }: FrontRequest,
  call: GuardedCall,
): Promise<ForwardedAnswer> {
  const headers = { ...request.headers }
  for (const name of ['content-length', 'content-type', 'transfer-encoding']) delete headers[name]
  for (const target of work.api.refusingQuestions(call)) {
    const answer = await work.forwarder.forward({ method: 'GET', target, headers, body: null })
    if (answer.status >= 400 && answer.status < 500) return answer
  }
  throw new LedgerError(
    'observation_overlapped',
    'The user or admin of this call changed at the same moment. Try again.',
    { retryAfter: 1 },
  )
}

/** Carries out a call that needs a right of its own. Any other caller gets the panel's own refusal. */
export async function withRight(
  work: FrontWork,
  request: FrontRequest,
  call: Extract<GuardedCall, { kind: GeneralAction }>,
  act: (caller: FrontCaller) => Promise<ForwardedAnswer>,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  return caller && may(caller, call.kind, null) ? act(caller) : askPanelToRefuse(work, request, call)
}

/**
 * Lets only a sudo admin go on without a reading, and logs that. The panel itself refuses a caller that it does not know.
 *
 * @throws `forbidden`.
 */
export async function checkPreserveTraffic(
  work: FrontWork,
  call: GuardedCall,
  request: FrontRequest,
): Promise<void> {
  if (request.preserveTraffic) return
  const caller = await identify(work, request)
  if (!caller) return
  requireRight(caller, 'lose unread traffic', null)
  work.log.warn(
    { caller: auditName(caller), call },
    'a sudo admin goes on even if traffic cannot be preserved',
  )
}

/** The deletion of a user that a caller of the front asks for. */
export function deletionAsCaller(
  username: string,
  caller: FrontCaller,
  { preserveTraffic }: Pick<FrontRequest, 'preserveTraffic'>,
): UserDeletionRequest {
  return { username, caller, preserveTraffic, receiptId: null }
}

/** Sends the caller's request to the panel, unless the caller has left. */
export async function forward(work: FrontWork, { request, gone }: FrontRequest): Promise<ForwardedAnswer> {
  if (gone.aborted) {
    throw new LedgerError('invalid_request', 'The caller has left; nothing was forwarded to the panel.', {
      unsent: true,
    })
  }
  // The service reads the answer too.
  return work.forwarder.forward({
    ...request,
    headers: { ...request.headers, 'accept-encoding': 'identity' },
  })
}

/**
 * Records what the panel has changed. A failure here does not fail the call: the panel has acted, and the caller gets its
 * answer. A later run settles open receipts; the next poll or scan reads the rest.
 */
export async function recordOutcome(
  work: FrontWork,
  what: string,
  observe: () => Promise<unknown>,
): Promise<void> {
  try {
    await observe()
  } catch (error) {
    if (!isLedgerError(error))
      work.log.error({ err: error }, `${what}: its outcome could not be recorded yet`)
    else work.log.warn(logFields(error), `${what}: its outcome will be recorded later. ${error.message}`)
  }
}

/** Sends the caller's request and records what it has changed, even without an answer: the panel may have acted. */
export async function forwardAndRecord(
  work: FrontWork,
  request: FrontRequest,
  what: string,
  observe: () => Promise<unknown>,
): Promise<ForwardedAnswer> {
  try {
    return await forward(work, request)
  } finally {
    await recordOutcome(work, what, observe)
  }
}
