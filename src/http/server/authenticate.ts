import type { IncomingHttpHeaders } from 'node:http'
import { LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import type { Callers, Credentials } from '../../work/callers/callers.ts'
import type { App } from '../app-type.ts'
import type { LimitFailures } from './login-throttle.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling; set on every route that {@link authenticate} guards. */
    caller: Caller
  }
}

/**
 * Names the caller of every route registered in the scope of `app`, before anything else of the request is looked at.
 *
 * @param limit holds back addresses that keep sending credentials nobody knows.
 */
export function authenticate(app: App, callers: Callers, limit: LimitFailures): void {
  app.addHook('onRequest', async (request) => {
    const credentials = credentialsOf(request.headers)
    // Proven credentials are never held back, and a caller without any has tried nothing.
    const isFree = callers.recognises(credentials) || Object.keys(credentials).length === 0
    request.caller = isFree
      ? await callers.identify(credentials)
      : await limit(request, () => callers.identify(credentials))
  })
}

/** The token of `Authorization: Bearer ...`; null: there is none. */
function bearerOf({ authorization }: IncomingHttpHeaders): string | null {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null
}

function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string') return { apiKey }
  if (headers.authorization === undefined) return {}
  const bearer = bearerOf(headers)
  if (bearer === null) {
    throw new LedgerError('unauthenticated', 'The Authorization header must be "Bearer" and a Marzban token.')
  }
  return { bearer }
}
