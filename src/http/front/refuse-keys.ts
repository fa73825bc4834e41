import type { IncomingHttpHeaders } from 'node:http'
import { LedgerError } from '../../errors.ts'
import { holdsKey, isMeantAsKey, urlHoldsKey } from '../../work/callers/key-text.ts'

/** The parts of a request that come before its body. */
export type RequestHead = { url?: string | undefined; headers: IncomingHttpHeaders }

/**
 * Whether a request carries an API key, or what is meant as one. The panel must not see it: who reads what the panel
 * gets, or its logs, could use it here.
 */
export function carriesKey({ url = '', headers }: RequestHead): boolean {
  const { authorization = '', 'x-api-key': apiKey = '' } = headers
  return (
    [...authorization.split(/\s+/), ...[apiKey].flat()].some(isMeantAsKey) ||
    decodedFrom(authorization).split(':').some(isMeantAsKey) ||
    Object.values(headers).some((value) => [value].flat().some((text) => holdsKey(text ?? ''))) ||
    urlHoldsKey(url)
  )
}

/** @throws `unauthenticated`, with what to do, for a request that {@link carriesKey}. */
export function refuseKeys(request: RequestHead): void {
  if (carriesKey(request)) throw keyRefused()
}

/** @throws `unauthenticated` for a body with an API key in it, such as a login with a key as the password. */
export function refuseKeyInBody(body: Buffer | null): void {
  // Latin-1 changes no byte of a key, whatever stands around it.
  if (body !== null && holdsKey(body.toString('latin1'))) throw keyRefused()
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
