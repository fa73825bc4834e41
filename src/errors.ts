/**
 * Every failure that this service names. `src/http/problem/problem.ts` maps each code to its HTTP status. A failure without
 * a code is a bug.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  /** What the caller has seen has changed since: the condition of its request does not hold. */
  | 'precondition_failed'
  /** The request's body is too large. */
  | 'too_large'
  | 'rate_limited'
  | 'overloaded'
  /** The panel's address does not answer: refused, reset, unresolvable. */
  | 'panel_unreachable'
  /** The panel accepted the connection and did not answer in time. */
  | 'panel_timeout'
  /** Something answered that is not the Marzban we know: HTML, half a body, a field missing or out of range. */
  | 'panel_bad_answer'
  /** The panel answered 5xx. */
  | 'panel_failed'
  /** The panel refuses the credentials (401). */
  | 'panel_unauthorized'
  /** The panel knows the caller and denies the call (403). */
  | 'panel_forbidden'
  /** The panel answers, but its answer about this user cannot be counted, or is a 500 for this user alone. */
  | 'user_unreadable'
  | 'database_unavailable'
  /** A reading overlapped another one of the same user and was dropped; ask the panel again. */
  | 'observation_overlapped'
  | 'config_invalid'
  | 'data_dir_in_use'

/** What is wrong with one parameter or one field of a body. */
export type FieldError = { field: string; detail: string }

export type LedgerErrorOptions = {
  /** The parameter, the field or the variable that is wrong. */
  field?: string | undefined
  /** Several of them, each with its own sentence. */
  errors?: readonly FieldError[] | undefined
  /** Seconds to wait before the next try. */
  retryAfter?: number | undefined
  /** Only the log shows this: the panel's address, and the remedy. */
  forOperator?: string | undefined
  /** The receipt of a deletion that has begun: it says what is preserved and what became of the user. */
  deletionId?: bigint | undefined
  /** The panel has certainly received nothing of the failed request. */
  unsent?: boolean | undefined
  /** The panel's answer cannot be used at all: a 500, cut off, or too large. A smaller question may get a good answer. */
  unusable?: boolean | undefined
  cause?: unknown
}

/**
 * An expected failure. Its message names the problem and the remedy. Any caller may read it, strangers too, so it never
 * names the panel's address.
 */
export class LedgerError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly errors: readonly FieldError[] | undefined
  readonly retryAfter: number | undefined
  readonly forOperator: string | undefined
  readonly deletionId: bigint | undefined
  readonly unsent: boolean
  readonly unusable: boolean

  constructor(code: ErrorCode, message: string, options: LedgerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LedgerError'
    this.code = code
    this.field = options.field
    this.errors = options.errors
    this.retryAfter = options.retryAfter
    this.forOperator = options.forOperator
    this.deletionId = options.deletionId
    this.unsent = options.unsent ?? false
    this.unusable = options.unusable ?? false
  }
}

/** Whether `error` is a {@link LedgerError}, of one of `codes` when any are given. */
export function isLedgerError(error: unknown, ...codes: ErrorCode[]): error is LedgerError {
  return error instanceof LedgerError && (codes.length === 0 || codes.includes(error.code))
}

/** The failure for an id that no account has. */
export function noAccount(adminId: bigint): LedgerError {
  return new LedgerError('not_found', `There is no account with the id ${adminId}.`)
}

/** The failure for an account that can only be read any more. */
export function accountIsClosed(adminId: bigint): LedgerError {
  return new LedgerError('conflict', `The account ${adminId} is closed: its admin was deleted.`)
}

/** The fields of a log line about `error`, beside its message. */
export function logFields({ code, forOperator }: LedgerError): { code: ErrorCode; forOperator?: string } {
  return forOperator === undefined ? { code } : { code, forOperator }
}
