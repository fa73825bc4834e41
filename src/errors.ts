/**
 * Every failure this service names. What went wrong decides the code; the HTTP status of a code stands in one
 * map (`src/http/problem/problem.ts`). A failure without a code is a bug of ours.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  /** The request's body is larger than is taken. */
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
  /** The panel refused the credentials it was given (401). */
  | 'panel_unauthorized'
  /** The panel knows the caller and does not let it (403). */
  | 'panel_forbidden'
  /** The panel answers, and what it says of this user, or that it says 500 only of this user, cannot be counted. */
  | 'user_unreadable'
  | 'database_unavailable'
  /** A reading overlapped another observation of the same user and was dropped; ask the panel again. */
  | 'observation_overlapped'
  | 'config_invalid'
  | 'data_dir_in_use'

export type LedgerErrorOptions = {
  /** The request's parameter or the answer's field that is wrong. */
  field?: string
  /** After how many seconds asking again makes sense. */
  retryAfter?: number
  /** What the log says beside the message, and no answer: the panel's address, and what to do about it. */
  forOperator?: string | undefined
  /** Nothing of the request that failed has reached the panel, for certain. */
  unsent?: boolean
  /** An answer came and cannot be used as a whole: a 500, cut off, or too large. A question for less may be answered well. */
  unusable?: boolean
  cause?: unknown
}

/**
 * An expected failure: its message names what went wrong and what would mend it. Any caller may read it, strangers
 * included: it names no address of the panel.
 */
export class LedgerError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfter: number | undefined
  readonly forOperator: string | undefined
  readonly unsent: boolean
  readonly unusable: boolean

  constructor(code: ErrorCode, message: string, options: LedgerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LedgerError'
    this.code = code
    this.field = options.field
    this.retryAfter = options.retryAfter
    this.forOperator = options.forOperator
    this.unsent = options.unsent ?? false
    this.unusable = options.unusable ?? false
  }
}

/** Whether `error` is a {@link LedgerError}, of one of `codes` when any are given. */
export function isLedgerError(error: unknown, ...codes: ErrorCode[]): error is LedgerError {
  return error instanceof LedgerError && (codes.length === 0 || codes.includes(error.code))
}

/** The fields of a log line about `error`, beside its message. */
export function logFields({ code, forOperator }: LedgerError): { code: ErrorCode; forOperator?: string } {
  return forOperator === undefined ? { code } : { code, forOperator }
}
