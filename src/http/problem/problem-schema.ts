import { STATUS_CODES } from 'node:http'
import Type from 'typebox'
import { int64, named, shared } from '../schemas/building-blocks.ts'
import type { Problem } from './problem.ts'

/** {@link Problem} for the OpenAPI document. */
export const problemSchema = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ examples: ['about:blank'] }),
      title: Type.String({ description: 'The name of the status.', examples: ['Bad Request'] }),
      status: Type.Integer({ description: 'The HTTP status.', examples: [400] }),
      detail: Type.String({
        description: 'The error and what fixes it, for people.',
        examples: ['limit must be an integer from 1 to 200.'],
      }),
      code: Type.String({
        description: 'The error, for programs. It does not change between versions.',
        examples: ['invalid_request'],
      }),
      errors: Type.Optional(
        Type.Array(Type.Object({ field: Type.String(), detail: Type.String() }), {
          description: 'The wrong parameters or fields of the body.',
          examples: [[{ field: 'limit', detail: 'limit must be an integer from 1 to 200.' }]],
        }),
      ),
      deletion_id: Type.Optional(
        int64('The receipt of a deletion that failed: read it at GET /deletions/{id}.', 1_204),
      ),
      request_id: Type.Optional(
        Type.String({ description: 'For unexpected errors: search the log of the service for it.' }),
      ),
    },
    { description: 'Why a request failed (RFC 9457).' },
  ),
)

/** The body of a redirect. */
export const redirectSchema = named(
  'Redirect',
  Type.Object({
    detail: Type.String({ examples: ['The path is /admins, without a slash at its end.'] }),
  }),
)

const redirect = {
  description: 'The path has a slash too many at its end.',
  headers: { Location: { type: 'string', description: 'The path without it.' } },
  content: { 'application/json': { schema: shared(redirectSchema) } },
}

const retryAfter = {
  'Retry-After': { type: 'integer', description: 'Wait this many seconds, then try again.' },
}

const meanings = {
  400: { description: 'A parameter is wrong: `errors` names it and says what is right.' },
  401: {
    description: 'The request has no valid token or key.',
    headers: { 'WWW-Authenticate': { type: 'string', description: 'How to log in: Bearer.' } },
  },
  403: {
    description:
      'The data belongs to another admin, the call is for sudo admins only, or the API key does not allow it.',
  },
  404: { description: 'There is no such account.' },
  409: {
    description: 'The request conflicts with the current state; `detail` says why.',
    headers: retryAfter,
  },
  408: { description: 'The request was not complete in time.' },
  412: { description: 'The limit has another version than `If-Match` says: read it again.' },
  413: { description: 'The body is larger than 1 MiB.' },
  414: { description: 'A part of the path is longer than 8192 characters.' },
  415: { description: 'The content type of the body is not `application/json`.' },
  417: { description: 'The request has a header `Expect` with something else than `100-continue`.' },
  431: { description: "The request's path, or its headers, are too large." },
  429: { description: 'This address sent too many wrong credentials.', headers: retryAfter },
  500: { description: 'Unexpected error, a bug of the service. The log has the cause under `request_id`.' },
  502: { description: 'The panel failed when the service checked the token.', headers: retryAfter },
  503: { description: 'The database does not answer, or the service is overloaded.', headers: retryAfter },
  504: {
    description: 'The panel did not answer in time when the service checked the token.',
    headers: retryAfter,
  },
} as const

type ProblemStatus = keyof typeof meanings

/** What an answer with this status says: `code`, `detail`, and what else it has. */
const examples: Record<ProblemStatus, { code: Problem['code']; detail: string } & Partial<Problem>> = {
  400: {
    code: 'invalid_request',
    detail: 'limit must be an integer from 1 to 200.',
    errors: [{ field: 'limit', detail: 'limit must be an integer from 1 to 200.' }],
  },
  401: { code: 'unauthenticated', detail: 'The panel does not know this token; log in again.' },
  403: {
    code: 'forbidden',
    detail: 'This call is for sudo admins, for API keys with the role sudo and for the key of API_KEY.',
  },
  404: { code: 'not_found', detail: 'There is no account with the id 9.' },
  408: { code: 'invalid_request', detail: 'The request was not complete in time.' },
  409: { code: 'conflict', detail: 'The account 3 is closed: its admin was deleted.' },
  412: { code: 'precondition_failed', detail: 'The limit has the version "8" now; read it again.' },
  413: { code: 'too_large', detail: 'The body is too large.' },
  414: { code: 'invalid_request', detail: 'A part of the path is too long.' },
  415: {
    code: 'invalid_request',
    detail: 'The body must be JSON, sent as "Content-Type: application/json".',
  },
  417: { code: 'invalid_request', detail: 'Expect must be "100-continue", or be left out.' },
  429: {
    code: 'rate_limited',
    detail: 'Too many failed authentications from this address; try again in 42 seconds.',
  },
  431: { code: 'invalid_request', detail: "The request's path and headers are too large." },
  500: {
    code: 'internal_error',
    detail: 'Unexpected error. The log has the cause under this request_id.',
    request_id: '0b0e7e7c-5f6f-4c5e-9d3b-8c7f3a1d2e4f',
  },
  502: {
    code: 'panel_unreachable',
    detail: 'The panel cannot be reached (ECONNREFUSED). Is MARZBAN_URL right, and is the panel running?',
  },
  503: {
    code: 'database_unavailable',
    detail: 'The ledger database does not answer; nothing was stored.',
  },
  504: { code: 'panel_timeout', detail: 'The panel did not answer GET /api/admin in time (10 s).' },
}

/** The errors of every call that needs a login. */
const always: readonly ProblemStatus[] = [400, 401, 403, 429, 500, 502, 503, 504]

/** The error responses of a call that needs a login, plus those of `statuses`. */
export function problemResponses(...statuses: ProblemStatus[]) {
  return responses([...always, ...statuses])
}

/** The error responses of a call without a login. */
export function publicProblemResponses(...statuses: ProblemStatus[]) {
  return responses(statuses)
}

/**
 * An error response with a description of its own.
 *
 * @param example its `detail`, if another than usual.
 */
export function problemResponse(status: ProblemStatus, description: string, example?: string) {
  return { ...meanings[status], description, content: contentOf(status, example) }
}

function contentOf(status: ProblemStatus, detail?: string) {
  const example = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    ...examples[status],
    ...(detail !== undefined && { detail, errors: undefined }),
  }
  return { 'application/problem+json': { schema: { $ref: `${problemSchema.$id}#` }, example } }
}

/** What the server answers before it looks for the call. */
const ofServer: readonly ProblemStatus[] = [408, 417, 431]

function responses(statuses: readonly ProblemStatus[]) {
  const problems = [...ofServer, ...statuses].map((status) => [
    status,
    { ...meanings[status], content: contentOf(status) },
  ])
  return { 307: redirect, ...Object.fromEntries(problems) }
}
