import { LedgerError } from '../errors.ts'

/**
 * @throws `invalid_request` for a name that no path can carry: a server takes `.`, `..` and `/` for something else than
 * a name, whether encoded or not.
 */
export function namedPath(collection: string, username: string): string {
  if (
    username === '' ||
    username === '.' ||
    username === '..' ||
    /[/\\]/.test(username) ||
    !username.isWellFormed()
  ) {
    throw new LedgerError('invalid_request', 'This is no name that Marzban can give.', { field: 'username' })
  }
  return `${collection}/${encodeURIComponent(username)}`
}
