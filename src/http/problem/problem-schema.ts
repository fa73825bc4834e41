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
        description: 'The problem and its remedy, for people.',
        examples: ['limit must be an integer from 1 to 200.'],
      }),
      code: Type.String({
        description: 'The problem, for programs. It does not change between versions.',
        examples: ['invalid_request'],
      }),
      errors: Type.Optional(
        Type.Array(Type.Object({ field: Type.String(), detail: Type.String() }), {
          description: 'The wrong parameters, or the wrong fields of the body.',
          examples: [[{ field: 'limit', detail: 'limit must be an integer from 1 to 200.' }]],
        }),
      ),
      deletion_id: Type.Optional(
        int64('The receipt of a deletion that has begun: GET /deletions/{id}.', 1_204),
      ),
      request_id: Type.Optional(
        Type.String({
          description: 'Only with an unexpected error: search for it in the log of the service.',
        }),
      ),
    },
    { description: 'Why the request failed (RFC 9457).' },
  ),
)

const retryAfter = { 'Retry-After': { type: 'integer', description: 'Seconds to wait before the next try.' } }

const meanings = {
  400: { description: 'A parameter is wrong: `errors` names it and says what is right.' },
  401: {
    description: 'No valid token or key was sent.',
    headers: { 'WWW-Authenticate': { type: 'string', description: 'How to authenticate: Bearer.' } },
  },
  403: { description: "Another admin's data, or a call for sudo admins only." },
  404: { description: 'There is no such account.' },
  409: {
    description: 'The request conflicts with the current state; `detail` says why.',
    headers: retryAfter,
  },
  413: { description: 'The body is larger than 1 MiB.' },
  414: { description: 'A part of the path is longer than 8192 characters.' },
  415: { description: 'The body is not sent as `application/json`.' },
  429: { description: 'Too many failed authentications from this address.', headers: retryAfter },
  500: { description: 'An unexpected error, a bug of the service. Search the log for `request_id`.' },
  502: { description: 'The panel could not say whose token this is.', headers: retryAfter },
  503: { description: 'The database does not answer, or the service is overloaded.', headers: retryAfter },
  504: { description: 'The panel did not say in time whose token this is.', headers: retryAfter },
} as const

type ProblemStatus = keyof typeof meanings

/** The errors of every call for authenticated callers. */
const always: readonly ProblemStatus[] = [400, 401, 403, 429, 500, 502, 503, 504]

/** The error responses of a call for authenticated callers, with those of `statuses`. */
export function problemResponses(...statuses: ProblemStatus[]) {
  return responses([...always, ...statuses])
}

/** The error responses of a call that is open to everybody. */
export function publicProblemResponses(...statuses: ProblemStatus[]) {
  return responses(statuses)
}

/** The error response of a call that gives `status` its own meaning. */
export function problemResponse(status: ProblemStatus, description: string) {
  return { ...meanings[status], description, content }
}

const content = { 'application/problem+json': { schema: { $ref: `${problemSchema.$id}#` } } }

function responses(statuses: readonly ProblemStatus[]) {
  return Object.fromEntries(statuses.map((status) => [status, { ...meanings[status], content }]))
}
