import type { IncomingHttpHeaders } from 'node:http'
import { LedgerError } from '../../errors.ts'
import type { KeyReader } from '../../work/callers/key-reader.ts'

/** The parts of a request that come before its body. */
export type RequestHead = { url?: string | undefined; headers: IncomingHttpHeaders }

/**
 * Whether a request carries a key, or what is meant as one. The panel must not see it: who reads what the panel
 * gets, or its logs, could use it here.
 */
export function carriesKey({ url = '', headers }: RequestHead, keys: KeyReader): boolean {
  const { authorization = '', 'x-api-key': apiKey = '' } = headers
  return (
    [...authorization.split(/\s+/), ...[apiKey].flat()].some(keys.isMeantAsKey) ||
    decodedFrom(authorization).split(':').some(keys.isMeantAsKey) ||
    Object.values(headers).some((value) => [value].flat().some((text) => keys.holdsKey(text ?? ''))) ||
    keys.urlHoldsKey(url)
  )
}

/** @throws `unauthenticated`, with what to do, for a request that {@link carriesKey}. */
export function refuseKeys(request: RequestHead, keys: KeyReader): void {
  if (carriesKey(request, keys)) throw keyRefused()
}

/** @throws `unauthenticated` for a body with an API key in it, such as a login with a key as the password. */
export function refuseKeyInBody(body: Buffer | null, keys: KeyReader): void {
  // Latin-1 changes no byte of a key, whatever stands around it.
  if (body !== null && keys.holdsKey(body.toString('latin1'))) throw keyRefused()
}

function keyRefused(): LedgerError {
  return new LedgerError(
    'unauthenticated',
    'The panel takes no API keys, and this one was not forwarded. Send the token of a Marzban admin here; use the key ' +
      'with the calls of the service itself: see /docs.',
  )
}

/** The credentials of Basic; empty: there are none. */
function decodedFrom(authorization: string): string {
  const [, credentials = ''] = /^basic\s+(\S+)/i.exec(authorization) ?? []
  return Buffer.from(credentials, 'base64').toString('latin1')
}
