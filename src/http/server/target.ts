import { isLedgerError, LedgerError } from '../../errors.ts'

/** The target of a request, parsed once: the front decides on exactly what it forwards. */
export type Target = {
  /** Decoded, as the panel's router reads it. */
  path: string
  /** The same path in the one spelling that is forwarded, with the original query. */
  encoded: string
}

/**
 * Parses the target of a request like the panel's server: the path is everything before the first `?`, decoded once, with
 * encoded slashes. It refuses a target that two servers could read differently.
 *
 * @param raw the target in the request line.
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
 * The spelling in which a request is routed and forwarded: a target under one of `prefixes` gets its one spelling; any other
 * stays as it is.
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
    return refuse('The path holds encoded bytes that are not UTF-8.')
  }
}

function refuse(message: string): never {
  throw new LedgerError('invalid_request', message)
}
