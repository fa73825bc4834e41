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
 * The answer to anything thrown. It describes a {@link LedgerError}, and what Fastify or one of its plugins refuses. Anything
 * else is a bug: the answer has only the request's id, and the log has the cause.
 */
export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  if (error instanceof LedgerError && statusOfCode[error.code] !== 500) return ofLedgerError(error)
  const refusal = refusalOf(error)
  if (refusal)
    return { problem: problem(refusal.status, codeOf(refusal.status), refusal.detail), headers: {} }
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

/** The same code as for a {@link LedgerError}: what is too large is `too_large`, whoever has found it. */
function codeOf(status: number): ErrorCode {
  const codes = Object.keys(statusOfCode) as ErrorCode[]
  return codes.find((code) => statusOfCode[code] === status) ?? 'invalid_request'
}

/** What is right instead, for each code of Fastify. */
const refusals: Record<string, string> = {
  FST_ERR_BAD_URL: 'The path must be UTF-8, with "%25" for each "%".',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the path is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The body must be JSON, sent as "Content-Type: application/json".',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says.',
  FST_STATIC_FORBIDDEN_PATH:
    'The path must be the path of a file, without dot segments, empty segments, backslashes and control characters.',
}

/** The same for refusals that have only a status: those of the files below /docs. */
const refusalsOfStatus: Record<number, string> = {
  412: 'The file is not the one that If-Match or If-Unmodified-Since asks for; read it without these headers.',
  416: 'The file ends before the range that Range asks for; read it without this header.',
}

/** What Fastify or one of its plugins refuses; null: the error is something else. */
function refusalOf(error: unknown): { status: number; detail: string } | null {
  if (!isRefusal(error)) return null
  const { code = '', statusCode: status } = error
  const detail =
    refusals[code] ??
    refusalsOfStatus[status] ??
    `This request cannot be served (${STATUS_CODES[status]}); see /docs.`
  return { status, detail }
}

/**
 * Whether an error blames the request. Fastify's own have a code of their own, those of the library that sends files are
 * marked to be shown. Other libraries also have a `statusCode` in their errors: there, it is another server's.
 */
function isRefusal(error: unknown): error is Error & { code?: string; statusCode: number } {
  if (!(error instanceof Error) || !('statusCode' in error)) return false
  const { statusCode } = error
  const isOurs =
    ('code' in error && String(error.code).startsWith('FST_')) || ('expose' in error && error.expose === true)
  return isOurs && Number.isInteger(statusCode) && Number(statusCode) >= 400 && Number(statusCode) < 500
}
