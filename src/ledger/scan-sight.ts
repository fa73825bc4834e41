import type { Account } from './account.ts'
import type { Tenure } from './tenure.ts'

/** What an account keeps of its last complete scan. */
export type LastScan = Pick<Account, 'scanned' | 'scanEnded' | 'scanSeenAt'>

/** Of a tenure: when it was last seen. */
type Sight = Pick<Tenure, 'endedBy' | 'answered' | 'seenAt'> & { asked: bigint }

/**
 * The tenure as the last complete scan of its account saw it. A scan stores nothing of a user that has not changed: each open
 * tenure without a later reading than the scan's beginning was seen by it as it is. An answer that was asked for before the
 * scan ended is dropped, as if the scan had stored each user at its end.
 *
 * @param scan of the tenure's account; undefined: it has none.
 */
export function asScanSaw<T extends Sight>(tenure: T, scan: LastScan | undefined): T {
  if (!scan || tenure.endedBy !== null || tenure.answered >= scan.scanned) return tenure
  return {
    ...tenure,
    answered: larger(tenure.answered, scan.scanEnded),
    asked: larger(tenure.asked, scan.scanned),
    seenAt: scan.scanSeenAt ?? tenure.seenAt,
  }
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
