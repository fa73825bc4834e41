import { errors } from 'undici'
import { LedgerError } from '../errors.ts'
import { UnusableAnswer } from './unusable-answer.ts'

export type FailedExchange = {
  /** `panel.example:443` */
  host: string
  /** `GET /api/users` */
  what: string
  /** What limits the time of an answer, for messages: a variable of the configuration, or how long it is. */
  limit: string
  /** Whether the head of an answer had arrived. */
  begun: boolean
}

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/** Codes whose remedy is worth a sentence of its own. */
const remedies = new Map([
  [
    'ECONNREFUSED',
    'Nothing listens there: is the panel running, and are host and port in MARZBAN_URL right?',
  ],
  ['ENOTFOUND', 'The name does not resolve: is the host in MARZBAN_URL right?'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'It does not speak TLS: should MARZBAN_URL begin with http://?'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'Its certificate is self-signed: name it in NODE_EXTRA_CA_CERTS.'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'Its certificate authority is private: name it in NODE_EXTRA_CA_CERTS.'],
])

/**
 * Names why an exchange brought no whole answer: `panel_timeout`, `panel_bad_answer` when what came is no HTTP, too large
 * or broke off, otherwise `panel_unreachable`. Messages hold the host and the code of the cause and nothing it says: a
 * parser's error quotes the bytes that it stumbled over.
 */
export function nameFailure(error: unknown, { host, what, limit, begun }: FailedExchange): LedgerError {
  const code = causeCode(error)
  if (timeouts.has(code) || (error instanceof Error && error.name === 'TimeoutError')) {
    return new LedgerError('panel_timeout', `The panel at ${host} did not answer ${what} in time (${limit}).`)
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new LedgerError('panel_unreachable', `${what} was given up: this service is stopping.`)
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new UnusableAnswer('panel_bad_answer', `The answer of ${host} to ${what} is too large (${code}).`)
  }
  if (error instanceof errors.HTTPParserError) {
    return new LedgerError('panel_bad_answer', `What answers ${what} at ${host} does not speak HTTP.`)
  }
  if (begun) {
    return new UnusableAnswer('panel_bad_answer', `The answer of ${host} to ${what} broke off (${code}).`)
  }
  const remedy = remedies.get(code) ?? 'Is MARZBAN_URL right, and is the panel running?'
  return new LedgerError('panel_unreachable', `The panel at ${host} cannot be reached (${code}). ${remedy}`)
}

function causeCode(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  }
  return 'no code'
}
