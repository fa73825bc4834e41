import { isLedgerError, LedgerError } from '../../errors.ts'

/** Where a request goes, read once: what is decided on is what is forwarded. */
export type Target = {
  /** Decoded, as the panel's router sees it. */
  path: string
  /** The same path in the one spelling that is forwarded, and the query as it came. */
  encoded: string
}

/**
 * Reads the target of a request as the panel's server does: everything before the first `?` is the path, decoded once,
 * encoded slashes included. What two servers could read differently is refused.
 *
 * @param raw the target as it stands in the request line.
 * @throws `invalid_request`.
 */
export function parseTarget(raw: string): Target {
  const [rawPath = '', ...rest] = raw.split('?')
  const query = rest.length > 0 ? `?${rest.join('?')}` : ''
  if (!rawPath.startsWith('/'))
    refuse('The target must be a path; it begins with something else than a slash.')
  if (!/^[!-~]*$/.test(raw) || /[#\\]/.test(raw))
    refuse('The target holds characters that have to be percent-encoded.')
  if (/%(?![0-9a-f]{2})/i.test(raw))
    refuse('The target holds a "%" that does not begin an encoded character.')
  const path = decode(rawPath)
  if ([...path].some((character) => character < ' ' || character === '\u007f' || character === '\\')) {
    refuse('The path holds a control character or a backslash.')
  }
  const segments = path.split('/').slice(1)
  if (segments.some((segment) => segment === '.' || segment === '..')) refuse('The path holds a dot segment.')
  if (segments.slice(0, -1).includes('')) refuse('The path holds two slashes in a row.')
  return { path, encoded: `/${segments.map(encodeURIComponent).join('/')}${query}` }
}

/**
 * The spelling in which a request is routed and forwarded: the one spelling of a target that lies under one of
 * `prefixes`; any other stays as it is.
 */
export function canonicalTarget(raw: string, prefixes: readonly string[]): string {
  try {
    const { path, encoded } = parseTarget(raw)
    return prefixes.some((prefix) => `${path}/`.startsWith(`${prefix}/`)) ? encoded : raw
  } catch (error) {
    if (isLedgerError(error, 'invalid_request')) return raw
    throw error
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return refuse('The path is not valid UTF-8.')
  }
}

function refuse(message: string): never {
  throw new LedgerError('invalid_request', message)
}
