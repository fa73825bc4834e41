import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { LedgerError } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import type { Callers, Credentials } from '../../work/callers/callers.ts'
import type { KeyReader } from '../../work/callers/key-reader.ts'
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
    refuseSecondKey(request.raw)
    const credentials = credentialsOf(request.headers, callers.keys)
    // Proven credentials always pass. A caller without any has tried nothing.
    const isFree = callers.recognises(credentials) || Object.keys(credentials).length === 0
    request.caller = isFree
      ? await callers.identify(credentials)
      : await limit(request, () => callers.identify(credentials))
  })
}

/** Node.js makes one text of both, which is no key at all. */
function refuseSecondKey({ rawHeaders }: IncomingMessage): void {
  const names = rawHeaders.filter((_, index) => index % 2 === 0)
  if (names.filter((name) => name.toLowerCase() === 'x-api-key').length < 2) return
  throw new LedgerError('unauthenticated', 'The header X-API-Key was sent twice: send one key, once.')
}

function credentialsOf(
  { 'x-api-key': apiKey, authorization }: IncomingHttpHeaders,
  keys: KeyReader,
): Credentials {
  if (typeof apiKey === 'string') return { apiKey }
  if (authorization === undefined) return {}
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { bearer: value }
    case 'basic':
      return { apiKey: keyInBasic(value, keys) }
    default:
      throw new LedgerError(
        'unauthenticated',
        'The Authorization header must be "Bearer" and a Marzban token or an API key, or "Basic" with an API key as the password.',
      )
  }
}

/**
 * The password of Basic credentials, under any user name. Only a key is taken: what a browser or a script sends to every
 * site is not even tried.
 */
function keyInBasic(credentials: string, keys: KeyReader): string {
  const [, password = ''] = /:(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? []
  if (keys.isMeantAsKey(password)) return password
  throw new LedgerError(
    'unauthenticated',
    'The password of Basic must be an API key: one that begins with mzl_, or the value of API_KEY.',
  )
}
