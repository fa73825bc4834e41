import { LedgerError } from '../../errors.ts'

/** Where the panel is. It holds no credentials: the panel takes a token instead. */
export type PanelAddress = {
  /** `https://panel.example:8443`; of a socket file `http://localhost`. */
  origin: string
  /** The file of a Unix socket; null: the panel is reached over TCP. */
  socketPath: string | null
  /** What stands before the panel's own paths, without a slash at its end: `` or `/base`. */
  basePath: string
  /** `panel.example:443` or `unix:/run/marzban.sock`, for messages. */
  host: string
}

/** `unix:/run/marzban.sock`, perhaps with a base path after another colon: `unix:/run/marzban.sock:/base`. */
const unixForm = /^unix:(?:\/\/)?(\/[^?#]+?)(?::(\/[^:?#]*))?$/

/**
 * Reads MARZBAN_URL.
 *
 * @throws `config_invalid` unless it is an http or https address or names a socket file. The message does not repeat it: it may
 *   hold a password.
 */
export function parsePanelAddress(url: string): PanelAddress {
  const unix = unixForm.exec(url)
  if (unix) {
    const [, socketPath = '', base = '/'] = unix
    const { origin, pathname } = new URL(base, 'http://localhost')
    return { origin, socketPath, basePath: withoutSlashes(pathname), host: `unix:${socketPath}` }
  }
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new LedgerError(
      'config_invalid',
      'MARZBAN_URL must look like https://panel.example:8443 or unix:/run/marzban.sock.',
      {
        field: 'MARZBAN_URL',
      },
    )
  }
  const port = parsed.port || (parsed.protocol === 'https:' ? '443' : '80')
  return {
    origin: parsed.origin,
    socketPath: null,
    basePath: withoutSlashes(parsed.pathname),
    host: `${parsed.hostname}:${port}`,
  }
}

function withoutSlashes(path: string): string {
  return path.replace(/\/+$/, '')
}

/** The host of an origin as TLS names it, `panel.example`, or an address without brackets. */
export function hostnameOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '')
}

/**
 * The MARZBAN_URL that fits a redirect of `path` to `location`: most often https instead of http. It holds no query, fragment
 * or credentials of the location.
 *
 * @returns null when the location is missing or no http address.
 */
export function redirectedAddress(
  address: PanelAddress,
  path: string,
  location: string | undefined,
): string | null {
  const asked = `${address.origin}${address.basePath}${path}`
  if (location === undefined || !URL.canParse(location, asked)) return null
  const target = new URL(location, asked)
  if (target.protocol !== 'http:' && target.protocol !== 'https:') return null
  const pathname = target.pathname.endsWith(path) ? target.pathname.slice(0, -path.length) : target.pathname
  const base = withoutSlashes(pathname)
  if (address.socketPath === null || target.origin !== address.origin) return `${target.origin}${base}`
  return `unix:${address.socketPath}${base && `:${base}`}`
}
