import { STATUS_CODES } from 'node:http'
import { type ErrorCode, type FieldError, LedgerError } from '../../errors.ts'

/** The body of every answer that is not a success: RFC 9457, with `code` for programs. */
export type Problem = {
  type: string
  title: string
  status: number
  /** One or two sentences for people. Marzban's clients read this member. */
  detail: string
  code: ErrorCode | 'method_not_allowed' | 'internal_error'
  errors?: readonly FieldError[]
  deletion_id?: bigint
  request_id?: string
}

const statusOfCode: Record<ErrorCode, number> = {
  invalid_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  rate_limited: 429,
  overloaded: 503,
  panel_unreachable: 502,
  panel_timeout: 504,
  panel_bad_answer: 502,
  panel_failed: 502,
  panel_unauthorized: 502,
  panel_forbidden: 502,
  user_unreadable: 502,
  database_unavailable: 503,
  observation_overlapped: 503,
  config_invalid: 503,
  data_dir_in_use: 500,
}

/** Seconds to wait when a temporary failure does not say how long. */
const usualRetryAfter = 5

/** The answer to a failure: its body, and the headers that belong to it. */
export type ProblemAnswer = { problem: Problem; headers: Record<string, string> }

/**
 * The answer to anything thrown. It describes a {@link LedgerError} and Fastify's own refusals of a request. Anything else is
 * a bug: the answer has only the request's id, and the log has the cause.
 */
export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  if (error instanceof LedgerError && statusOfCode[error.code] !== 500) return ofLedgerError(error)
  const refusal = refusalOf(error)
  if (refusal) return { problem: problem(refusal.status, 'invalid_request', refusal.detail), headers: {} }
  const detail = 'Unexpected error. The log has the cause under this request_id.'
  return { problem: { ...problem(500, 'internal_error', detail), request_id: requestId }, headers: {} }
}

/** A problem without optional members. */
export function problem(status: number, code: Problem['code'], detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code }
}

function ofLedgerError(error: LedgerError): ProblemAnswer {
  const body = problem(statusOfCode[error.code], error.code, error.message)
  if (error.errors) body.errors = error.errors
  else if (error.field !== undefined) body.errors = [{ field: error.field, detail: error.message }]
  if (error.deletionId !== undefined) body.deletion_id = error.deletionId
  const headers: Record<string, string> = {}
  const retryAfter = error.retryAfter ?? (body.status > 500 ? usualRetryAfter : undefined)
  if (retryAfter !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfter)))
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="marzban-ledger"'
  return { problem: body, headers }
}

const refusals: Record<string, string> = {
  FST_ERR_BAD_URL: 'The path holds a "%" that does not begin an encoded character.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the path is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The body must be JSON, sent as "Content-Type: application/json".',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says.',
}

/** What Fastify refuses before a route is reached; null: the error is something else. */
function refusalOf(error: unknown): { status: number; detail: string } | null {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return null
  const { code, statusCode } = error
  if (typeof code !== 'string' || typeof statusCode !== 'number') return null
  const detail = refusals[code]
  return detail === undefined ? null : { status: statusCode, detail }
}
