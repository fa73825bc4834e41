import pg from 'pg'
import { isOutage } from './outage.ts'

/** Why the service could not connect, for the operator. */
export type ConnectFailure = {
  /** Whether it may pass by itself. Otherwise somebody has to change something, and `sentence` says what. */
  mayPass: boolean
  sentence: string
}

/**
 * Explains why `error` kept the service from the database at `url`. The sentence names the server and the user, never the
 * password.
 */
export function explainConnectFailure(error: unknown, url: string): ConnectFailure {
  if (error instanceof URIError)
    return refused(
      'DATABASE_URL has a % that begins no character of UTF-8. Percent-encode reserved characters, a % itself as %25.',
    )
  const place = placeOf(url)
  if (error instanceof pg.DatabaseError) return explainAnswer(error, place)
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (isFileError(error))
    return refused(
      `DATABASE_URL names the file ${error.path}, which the service cannot read (${code}). Correct sslrootcert, sslcert or sslkey.`,
    )
  if (code === 'ENOTFOUND')
    return refused(`The host ${place.host} in DATABASE_URL is unknown (ENOTFOUND). Correct the name.`)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return refused(
      `The TLS certificate of PostgreSQL at ${place.address} is for another name than ${place.host}. ` +
        'Use the name of the certificate in DATABASE_URL.',
    )
  if (isTlsCode(code))
    return refused(
      `The TLS certificate of PostgreSQL at ${place.address} is not trusted (${code}). ` +
        'Add sslrootcert=/path/to/ca.pem to DATABASE_URL, with the CA that signed it.',
    )
  if (/does not support SSL/.test(message))
    return refused(
      `PostgreSQL at ${place.address} does not offer TLS. Turn it on there, or remove sslmode from DATABASE_URL.`,
    )
  if (/password must be a/.test(message))
    return refused(
      `PostgreSQL at ${place.address} asks for a password. Add the one of ${place.user} to DATABASE_URL.`,
    )
  if (/^SASL/.test(message))
    return refused(
      `PostgreSQL at ${place.address} wants a login that the service does not know (${message}). Use scram-sha-256.`,
    )
  const what = known[code] ?? (/timeout/i.test(message) ? 'it does not answer in time' : message)
  return { mayPass: true, sentence: `PostgreSQL at ${place.address}: ${what}` }
}

const known: Record<string, string> = {
  ECONNREFUSED: 'connection refused (ECONNREFUSED); is it running?',
  ENOENT: 'its socket does not exist (ENOENT); is it running?',
  ETIMEDOUT: 'it does not answer in time (ETIMEDOUT)',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  EHOSTUNREACH: 'the host cannot be reached (EHOSTUNREACH)',
  ENETUNREACH: 'the network cannot be reached (ENETUNREACH)',
  EAI_AGAIN: 'the name cannot be looked up now (EAI_AGAIN)',
}

type Place = { host: string; address: string; user: string; database: string }

function placeOf(url: string): Place {
  // What the driver would use: the address may leave the host to a parameter.
  const { host, port, user = '', database = '' } = new pg.Client(withoutFiles(url))
  return { host, address: host.startsWith('/') ? host : `${host}:${port}`, user, database }
}

function withoutFiles(url: string): string {
  const bare = new URL(url)
  for (const name of ['sslrootcert', 'sslcert', 'sslkey', 'sslmode', 'uselibpqcompat'])
    bare.searchParams.delete(name)
  return bare.href
}

/** What the server answered. The messages of a pooler have no code of their own: only their text tells them apart. */
function explainAnswer(error: pg.DatabaseError, { address, user, database }: Place): ConnectFailure {
  const { code = '', message } = error
  const said = `${message} (${code})`
  if (code === '3D000' || /^no such database/.test(message))
    return refused(
      `PostgreSQL at ${address} has no database "${database}". Create it: CREATE DATABASE ${pg.escapeIdentifier(database)} ENCODING 'UTF8' TEMPLATE template0.`,
    )
  if (/^unsupported startup parameter/.test(message))
    return refused(
      `The pooler at ${address} refuses a setting in DATABASE_URL: ${said}. Remove it from \`options\`.`,
    )
  if (/pg_hba|SSL|TLS|encryption/.test(message))
    return refused(
      `PostgreSQL at ${address} does not let ${user} in from here: ${said}. Allow it in pg_hba.conf; ` +
        'if it asks for encryption, add sslmode=verify-full to DATABASE_URL.',
    )
  if (code.startsWith('28') || /authentication failed|^no such user|^auth failed/.test(message))
    return refused(
      `PostgreSQL at ${address} refuses user and password: ${said}. Correct them in DATABASE_URL; percent-encode reserved characters.`,
    )
  if (code === '42501')
    return refused(
      `PostgreSQL at ${address} does not let ${user} into the database: ${said}. Run there: GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${pg.escapeIdentifier(user)}.`,
    )
  if (isOutage(code)) return { mayPass: true, sentence: `PostgreSQL at ${address}: ${said}` }
  return refused(`PostgreSQL at ${address} does not let the service in: ${said}. Correct DATABASE_URL.`)
}

function refused(sentence: string): ConnectFailure {
  return { mayPass: false, sentence }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** A file that DATABASE_URL names, as opposed to a socket. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && /^(open|read|stat)$/.test(String(error.syscall))
}

/** Codes of OpenSSL, and of Node's own checks of a certificate. */
function isTlsCode(code: string): boolean {
  return /^(ERR_SSL|ERR_TLS|ERR_OSSL|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH|INVALID_PURPOSE|EPROTO)/.test(
    code,
  )
}
