import { LedgerError } from '../../errors.ts'

/** Characters of a path that every server takes, with some room for the rest of the request. */
const longestPath = 16_000

/**
 * Whether a path of the panel's API can carry this name. Servers treat `.`, `..` and `/` as parts of the path, even encoded,
 * and they refuse a path that is too long.
 */
function canNamePath(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\\]/.test(name) || !name.isWellFormed()) return false
  return encodeURIComponent(name).length <= longestPath
}

/** What to do about a name that no path can carry. */
const remedyForName =
  "Give it another name in the panel's database, or remove it there. The ledger keeps what it consumed."

/**
 * @throws `invalid_request` unless {@link canNamePath}.
 */
export function namedPath(collection: string, username: string): string {
  if (!canNamePath(username)) {
    const detail = "Marzban's API cannot carry this name in a path, so the panel cannot be asked about it."
    throw new LedgerError('invalid_request', `${detail} ${remedyForName}`, { field: 'username' })
  }
  return `${collection}/${encodeURIComponent(username)}`
}
