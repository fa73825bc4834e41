import type { PeerCertificate } from 'node:tls'
import { errors } from 'undici'
import { type ErrorCode, LedgerError } from '../../errors.ts'
import { undecodable } from './decompress.ts'

export type FailedExchange = {
  /** `panel.example:443`, for the log. */
  host: string
  /** The request, such as `GET /users`. */
  what: string
  /** The limit of the time, for messages: the variable of the configuration, or a duration. */
  limit: string
  /** Whether the head of an answer has arrived. */
  begun: boolean
  /** Whether it certainly failed before anything was written to a connection. */
  unsent?: boolean
}

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
const tooLarge = new Set([
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_HEADERS_OVERFLOW',
  'ERR_BUFFER_TOO_LARGE',
])

const foreignName = 'ERR_TLS_CERT_ALTNAME_INVALID'

const privateAuthority =
  'This machine does not trust its certificate: set MARZBAN_CA to a file with the certificate of its authority.'

/** Codes with a remedy of their own. */
const remedies = new Map([
  [
    'ECONNREFUSED',
    'Nothing listens there: is the panel running, and are host and port in MARZBAN_URL right?',
  ],
  ['ENOTFOUND', 'The name does not resolve: is the host in MARZBAN_URL right?'],
  ['ENOENT', 'There is no such socket file: is the panel running, and is MARZBAN_URL its UVICORN_UDS?'],
  ['EACCES', 'The account of this service may not write to the socket file of the panel.'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'It does not speak TLS: should MARZBAN_URL begin with http://?'],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'Its certificate is self-signed: set MARZBAN_CA to a file with this certificate.',
  ],
  ['SELF_SIGNED_CERT_IN_CHAIN', privateAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT', privateAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', privateAuthority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', privateAuthority],
  ['CERT_HAS_EXPIRED', 'Its certificate has expired: renew it, or set the clock of this machine.'],
  ['CERT_NOT_YET_VALID', 'Its certificate is not valid yet: is the clock of this machine right?'],
  [
    foreignName,
    'Its certificate is for another name: set MARZBAN_URL to a name that the certificate has, or get a certificate for the ' +
      'host in MARZBAN_URL.',
  ],
])

/**
 * The error for an exchange without a whole answer: `panel_timeout`; `panel_bad_answer` when the answer is not HTTP, too large,
 * or broke off; otherwise `panel_unreachable`. The message holds only the code of the cause, not its text: a parser's error
 * quotes bytes of the answer, and a socket's error names the panel's address, which only the log may show.
 */
export function networkError(
  error: unknown,
  { host, what, limit, begun, unsent = false }: FailedExchange,
): LedgerError {
  const { code, cause } = codedCause(error)
  const forOperator = `The panel is expected at ${host}.${code === foreignName ? certifiedNames(cause) : ''}`
  const failed = (code: ErrorCode, message: string, { unusable = false } = {}) =>
    new LedgerError(code, message, { forOperator, unsent, unusable })
  if (timeouts.has(code) || (error instanceof Error && error.name === 'TimeoutError')) {
    return failed('panel_timeout', `The panel did not answer ${what} in time (${limit}).`)
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return failed('panel_unreachable', `The service is stopping and has ended ${what}.`)
  }
  if (tooLarge.has(code)) {
    return failed('panel_bad_answer', `The panel's answer to ${what} is too large (${code}).`, {
      unusable: true,
    })
  }
  if (code === undecodable) {
    return failed('panel_bad_answer', `The panel's answer to ${what} cannot be decompressed.`, {
      unusable: true,
    })
  }
  if (error instanceof errors.HTTPParserError) {
    return failed('panel_bad_answer', `The answer to ${what} is not HTTP: it does not come from the panel.`)
  }
  if (begun) {
    return failed('panel_bad_answer', `The panel's answer to ${what} broke off (${code}).`, {
      unusable: true,
    })
  }
  const remedy = remedies.get(code) ?? 'Is MARZBAN_URL right, and is the panel running?'
  return failed('panel_unreachable', `The panel cannot be reached (${code}). ${remedy}`)
}

function codedCause(error: unknown): { code: string; cause: Error | null } {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return { code: cause.code, cause }
  }
  return { code: 'no code', cause: null }
}

/** The most characters of a certificate's names: some have a hundred. */
const longestNames = 500

/** The names in the certificate that Node has refused, as a sentence. */
function certifiedNames(cause: (Error & { cert?: Partial<PeerCertificate> }) | null): string {
  const { subjectaltname = '', subject } = cause?.cert ?? {}
  const names = subjectaltname.replaceAll(/\b(DNS|IP Address):/g, '') || [subject?.CN ?? ''].flat().join(', ')
  if (names === '') return ' Its certificate has no name.'
  return ` Its certificate is for ${names.slice(0, longestNames)}${names.length > longestNames ? '...' : ''}.`
}
