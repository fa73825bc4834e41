import { marginMs } from '../../ledger/user-identity.ts'
import type { PanelUser } from '../../panel/panel.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { findUnchanged } from '../../store/tenures/seen-tenures.ts'
import { createTenureSet, type TenureSet } from '../../store/tenures/tenure-set.ts'

/**
 * What a scan has seen of users that have not changed: most of them, at most times. Nothing of it is stored before its end.
 * Then one time stands for all of them: so it is only what the panel showed within the margin by which its times may be off.
 */
export type ScanSights = {
  /** The users of a page of whom the answer tells something new. The others are remembered. */
  newsOf(users: readonly PanelUser[], asked: Asked): Promise<readonly PanelUser[]>
  readonly unchanged: TenureSet
  /** When the panel showed them, at the earliest: milliseconds since 1970 by the panel's clock; null: there are none. */
  seenAt(): number | null
}

/** After a page of which fewer than this share had not changed, so many pages are stored whole: to look would cost more than it saves. */
const worthLooking = 0.1
const pagesWithoutLook = 9

/**
 * Begins to look at the users of an admin.
 *
 * @param begun the tick drawn before the scan's first question.
 */
export function createScanSights(
  db: Database,
  { adminId, username }: { adminId: bigint; username: string },
  begun: Asked,
): ScanSights {
  const unchanged = createTenureSet()
  let earliest: number | null = null
  let latest: number | null = null
  let storedWhole = 0
  return {
    unchanged,
    seenAt: () => earliest,
    async newsOf(users, asked) {
      if (storedWhole > 0) {
        storedWhole -= 1
        return users
      }
      const at = users[0]?.toldAt ?? asked.at.getTime()
      // One time has to do for all of them.
      if (Math.max(at, latest ?? at) - Math.min(at, earliest ?? at) > marginMs) return users
      const own = users.filter(({ owner }) => owner?.username === username)
      const shown = own.map((user) => ({ ...user, lifetime: user.lifetimeUsedTraffic }))
      const known = await findUnchanged(db, adminId, begun.tick, shown)
      if (known.size < worthLooking * users.length) storedWhole = pagesWithoutLook
      return users.filter((user) => {
        const id = known.get(user.username)
        if (id === undefined || !unchanged.add(id)) return true
        earliest = Math.min(earliest ?? at, at)
        latest = Math.max(latest ?? at, at)
        return false
      })
    },
  }
}
