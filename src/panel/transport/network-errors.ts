import { errors } from 'undici'
import { type ErrorCode, LedgerError } from '../../errors.ts'

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

/** Codes with a remedy of their own. */
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
 * The error for an exchange without a whole answer: `panel_timeout`; `panel_bad_answer` when the answer is not HTTP, too large,
 * or broke off; otherwise `panel_unreachable`. The message holds only the code of the cause, not its text: a parser's error
 * quotes bytes of the answer, and a socket's error names the panel's address, which only the log may show.
 */
export function networkError(
  error: unknown,
  { host, what, limit, begun, unsent = false }: FailedExchange,
): LedgerError {
  const failed = (code: ErrorCode, message: string, { unusable = false } = {}) =>
    new LedgerError(code, message, { forOperator: `The panel is expected at ${host}.`, unsent, unusable })
  const code = causeCode(error)
  if (timeouts.has(code) || (error instanceof Error && error.name === 'TimeoutError')) {
    return failed('panel_timeout', `The panel did not answer ${what} in time (${limit}).`)
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return failed('panel_unreachable', `The service is stopping and has ended ${what}.`)
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return failed('panel_bad_answer', `The panel's answer to ${what} is too large (${code}).`, {
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

function causeCode(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  }
  return 'no code'
}
