import type { Asked } from '../../store/connection/logical-clock.ts'

/** How late the panel books an admin's bytes after its users', and since when snapshots of the users have been there. */
export type PanelLag = {
  /**
   * Call it right before the panel is asked.
   *
   * @returns whether the snapshot that an account turns out to have was older than the lag at that moment.
   * @see applyPanelReading
   */
  ask(asked: Asked): (adminId: bigint, snapshotAt: number) => boolean
}

/**
 * Waits by `now`, a clock that cannot be set. When the database's clock is set forward, a snapshot only looks old, and what
 * the panel has not booked yet would be counted twice. So the lag begins when this process first meets the snapshot.
 *
 * @param lagMs 0: the panel books all at once, and the order is all that matters.
 * @param now milliseconds; only differences matter.
 */
export function createPanelLag(lagMs: number, now: () => number = () => performance.now()): PanelLag {
  const met = new Map<bigint, { snapshotAt: number; since: number }>()
  return {
    ask(asked) {
      const askedAt = now()
      return (adminId, snapshotAt) => {
        if (lagMs === 0) return asked.at.getTime() >= snapshotAt
        const known = met.get(adminId)
        if (known?.snapshotAt === snapshotAt) return askedAt - known.since >= lagMs
        met.set(adminId, { snapshotAt, since: now() })
        return false
      }
    },
  }
}
