import { LedgerError } from '../../errors.ts'

/** Characters of a path that every server takes, the rest of the request left some room. */
const longestPath = 16_000

/**
 * Whether a path of the panel's API can carry this name: a server takes `.`, `..` and `/` for something else than a name,
 * whether encoded or not, and no path that is longer than it reads.
 */
export function canNamePath(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\\]/.test(name) || !name.isWellFormed()) return false
  return encodeURIComponent(name).length <= longestPath
}

/** What to do about a name that no path can carry. */
export const remedyForName =
  "Give it another name in the panel's database, or remove it there; what it consumed is kept here."

/**
 * @throws `invalid_request` for a name that no path can carry: see {@link canNamePath}.
 */
export function namedPath(collection: string, username: string): string {
  if (!canNamePath(username)) {
    const detail =
      "Marzban's API cannot carry this name in a path, so nothing can be asked or told about it there."
    throw new LedgerError('invalid_request', `${detail} ${remedyForName}`, { field: 'username' })
  }
  return `${collection}/${encodeURIComponent(username)}`
}
