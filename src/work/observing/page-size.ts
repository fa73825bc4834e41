/** The usual number: the panel spends about 4 ms on each user, so one page keeps it busy for under half a second. */
export const pageSize = 100
const busyMsAtMost = 500

const timesUsualAtMost = 8

/** How many users are asked for at once. */
export type PageSize = {
  readonly users: number
  /**
   * A page has been read and stored.
   *
   * @param took milliseconds: of the panel to answer, and of the ledger to store the answer.
   */
  stored(took: { panelMs: number; ledgerMs: number }): void
  /** A page was of no use as a whole: a larger one only makes that more likely. */
  failed(): void
}

/**
 * Asks for more users at once while the ledger lags behind the panel, up to eight times the usual number: a page is one
 * transaction, and a larger one takes less for each of its users. The panel is kept busy for no longer than by the usual number.
 *
 * @param usual an even number.
 */
export function createPageSize(usual: number): PageSize {
  let users = usual
  let atMost = timesUsualAtMost * usual
  return {
    get users() {
      return users
    },
    stored({ panelMs, ledgerMs }) {
      const lags = ledgerMs > panelMs && 2 * panelMs <= busyMsAtMost
      users = lags ? Math.min(2 * users, atMost) : Math.max(usual, users / 2)
    },
    failed() {
      users = usual
      atMost = usual
    },
  }
}
