import type { IncomingHttpHeaders } from 'node:http'
import { LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import type { Callers, Credentials } from '../../work/callers/callers.ts'
import type { App } from '../app-type.ts'
import type { LimitFailures } from './login-throttle.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set on every route that {@link authenticate} guards. */
    caller: Caller
  }
}

/**
 * Identifies the caller on every route in the scope of `app`, before anything else of the request is checked.
 *
 * @param limit slows down addresses that keep sending wrong credentials.
 */
export function authenticate(app: App, callers: Callers, limit: LimitFailures): void {
  app.addHook('onRequest', async (request) => {
    const credentials = credentialsOf(request.headers)
    // Proven credentials always pass. A caller without any has tried nothing.
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
