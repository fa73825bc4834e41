import { listUnseen, type ScanSoFar } from '../../store/tenures/seen-tenures.ts'
import { pageSize } from './page-size.ts'
import type { ReadingDeps } from './read-user-pages.ts'
import { readNamedUsers } from './read-users-by-name.ts'

/**
 * Asks by name for users known that a scan has not seen.
 *
 * @param adminId the account whose users; null: all.
 * @returns how many of them cannot be read.
 */
export async function readUnseen(
  deps: ReadingDeps,
  adminId: bigint | null,
  scan: ScanSoFar,
): Promise<number> {
  let unreadable = 0
  let after = 0n
  for (;;) {
    const unseen = await listUnseen(deps.db, adminId, scan, { after, limit: pageSize })
    const names = unseen.map(({ username }) => username)
    unreadable += await readNamedUsers(deps, names, adminId)
    const last = unseen.at(-1)
    if (!last || unseen.length < pageSize) return unreadable
    after = last.id
  }
}
