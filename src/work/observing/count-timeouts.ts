import type { LedgerError } from '../../errors.ts'

/** After so many questions without an answer, the panel answers none. */
const timeoutsAtMost = 3

/**
 * Tells a panel that answers nobody from one that is silent about a few users or admins only.
 *
 * @returns is told each failure of some work, and says whether the panel answers none of its questions any more.
 */
export function countTimeouts(): (error: LedgerError) => boolean {
  let timeouts = 0
  return ({ code }) => {
    if (code === 'panel_timeout') timeouts += 1
    return timeouts >= timeoutsAtMost
  }
}
