import { isLedgerError, LedgerError, logFields } from '../../errors.ts'
import type { Forwarded, ForwardedAnswer, Forwarder, GuardedCall, PanelApi } from '../../panel/panel.ts'
import { auditName, type Caller, type Callers } from '../callers/callers.ts'
import type { AdminDeletionDeps } from '../deleting/admin-deletion.ts'
import type { UserDeletionRequest } from '../deleting/request.ts'

/** A guarded call as a caller sent it. */
export type FrontRequest = {
  /** What is sent to the panel once everything is stored. */
  request: Forwarded
  /** The caller's token of the panel; null: it sent none. */
  token: string | null
  /** Aborted when the caller has gone away: nothing is forwarded from then on. */
  gone: AbortSignal
  /**
   * Whether the call waits until everybody whom it concerns has been read. False: the caller, a sudo admin, goes on although
   * somebody cannot be read; bytes that nobody has read are lost then.
   */
  preserveTraffic: boolean
}

/** What guarded calls are carried out with. */
export type FrontWork = AdminDeletionDeps & {
  callers: Callers
  forwarder: Forwarder
  api: PanelApi
  now: () => number
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>
}

/** A caller whom the panel vouches for, as guarded calls need one. */
export type FrontCaller = Caller & { token: string }

/**
 * Who calls; null: the panel does not know the token, or there is none, and shall say so itself.
 *
 * @throws a panel error when it cannot be asked.
 */
export async function identify(
  work: FrontWork,
  { token }: Pick<FrontRequest, 'token'>,
): Promise<FrontCaller | null> {
  if (token === null) return null
  try {
    return { ...(await work.callers.identify({ bearer: token })), token } as FrontCaller
  } catch (error) {
    if (isLedgerError(error, 'unauthenticated')) return null
    throw error
  }
}

/**
 * The panel's own refusal of a caller who may not do this: its answer to harmless questions for which the same rights
 * are needed. The call itself is not forwarded: what was not read before must not be lost if the panel thought better of it.
 */
export async function refusalBy(
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
    'What is to be changed changed this very moment. Try again.',
    { retryAfter: 1 },
  )
}

/** Does what only a sudo admin may; anybody else gets the panel's own refusal. */
export async function asSudo(
  work: FrontWork,
  request: FrontRequest,
  call: GuardedCall,
  act: (caller: FrontCaller) => Promise<ForwardedAnswer>,
): Promise<ForwardedAnswer> {
  const caller = await identify(work, request)
  return caller?.isSudo ? act(caller) : refusalBy(work, request, call)
}

/**
 * Lets only a sudo admin go on without a reading, and says in the log that it did. A caller whom the panel does not know
 * is refused by the panel, as for any call.
 *
 * @throws `forbidden`.
 */
export async function mayLoseTraffic(
  work: FrontWork,
  call: GuardedCall,
  request: FrontRequest,
): Promise<void> {
  if (request.preserveTraffic) return
  const caller = await identify(work, request)
  if (!caller) return
  if (!caller.isSudo) {
    throw new LedgerError('forbidden', 'Only a sudo admin may send preserve_traffic=false.', {
      field: 'preserve_traffic',
    })
  }
  work.log.warn(
    { caller: auditName(caller), call },
    'a sudo admin goes on even if traffic cannot be preserved',
  )
}

/** What a caller of the front asks for when it deletes a user. */
export function deletionOf(
  username: string,
  caller: FrontCaller,
  { preserveTraffic }: Pick<FrontRequest, 'preserveTraffic'>,
): UserDeletionRequest {
  return {
    username,
    requestedBy: auditName(caller),
    token: caller.token,
    preserveTraffic,
    receiptId: null,
    onlyAdminId: null,
  }
}

/** Sends the caller's request to the panel, unless the caller has gone. */
export async function forward(work: FrontWork, { request, gone }: FrontRequest): Promise<ForwardedAnswer> {
  if (gone.aborted) {
    throw new LedgerError('invalid_request', 'The caller has gone; nothing was forwarded to the panel.', {
      unsent: true,
    })
  }
  // What the answer says is read here, too.
  return work.forwarder.forward({
    ...request,
    headers: { ...request.headers, 'accept-encoding': 'identity' },
  })
}

/**
 * Learns what the panel has changed. A failure takes nothing from the call: the panel has acted, and its answer belongs to
 * the caller. What a receipt does not tell yet is settled later, the rest is learned by the next poll or scan.
 */
export async function learn(work: FrontWork, what: string, observe: () => Promise<unknown>): Promise<void> {
  try {
    await observe()
  } catch (error) {
    if (!isLedgerError(error)) work.log.error({ err: error }, `${what}: its outcome could not be learned yet`)
    else work.log.warn(logFields(error), `${what}: its outcome is learned later. ${error.message}`)
  }
}

/** Sends the caller's request and learns what it has changed; without an answer too, since the panel may have acted. */
export async function forwardAndLearn(
  work: FrontWork,
  request: FrontRequest,
  what: string,
  observe: () => Promise<unknown>,
): Promise<ForwardedAnswer> {
  try {
    return await forward(work, request)
  } finally {
    await learn(work, what, observe)
  }
}
