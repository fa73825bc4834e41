import Type from 'typebox'
import { int64, named } from '../schemas/building-blocks.ts'

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
  412: { description: 'The limit has another version than `If-Match` says: read it again.' },
  413: { description: 'The body is larger than 1 MiB.' },
  414: { description: 'A part of the path is longer than 8192 characters.' },
  415: { description: 'The content type of the body is not `application/json`.' },
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

/** An error response with a description of its own. */
export function problemResponse(status: ProblemStatus, description: string) {
  return { ...meanings[status], description, content }
}

const content = { 'application/problem+json': { schema: { $ref: `${problemSchema.$id}#` } } }

function responses(statuses: readonly ProblemStatus[]) {
  return Object.fromEntries(statuses.map((status) => [status, { ...meanings[status], content }]))
}
