import { LedgerError } from '../../errors.ts'
import { writeAudit } from '../../store/audit/audit.ts'
import type { Database } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { type Grant, listGrants } from '../../store/limits/grants.ts'
import type { RunningLimit, StoredLimit } from '../../store/limits/limits.ts'
import { type ListedPeriod, listPeriods } from '../../store/limits/periods.ts'
import { periodState } from './audit-states.ts'
import { addGrant, type GrantRequest, takeGrantBack } from './grants.ts'
import { type LimitStatus, limitStatusOf } from './limit-status.ts'
import {
  checkVersion,
  judgeNow,
  lockForLimit,
  readLimit,
  refuseIfClosed,
  requireAccount,
  requireLimit,
} from './locked-account.ts'
import { deleteLimit, type SetLimit, setLimit } from './set-limit.ts'

/** A limit, and how the account stands against it. */
export type LimitReport = { limit: StoredLimit; status: LimitStatus }
/** A page of what an account has, the latest first; `before`: only what has a smaller id. */
export type LimitPage = { adminId: bigint; before: bigint | null; limit: number }

/** Limits of accounts. Every call throws `not_found` for an id that no account has. */
export type Limits = {
  /** @throws `not_found` when the account has no limit. */
  read(adminId: bigint): Promise<LimitReport>
  /** @throws `invalid_request`, `conflict`, `precondition_failed`. */
  set(adminId: bigint, given: SetLimit): Promise<LimitReport>
  /** @throws `not_found` when the account has no limit; `precondition_failed`. */
  remove(adminId: bigint, given: Pick<SetLimit, 'expected' | 'by'>): Promise<void>
  grants(page: LimitPage): Promise<{ items: Grant[]; next: bigint | null }>
  /** @throws `invalid_request`, `conflict`. */
  grant(adminId: bigint, request: GrantRequest): Promise<{ grant: Grant; isNew: boolean }>
  /** @throws `not_found` for an id that no grant of the account has; `conflict` when its period is closed. */
  revoke(adminId: bigint, grantId: bigint, by: string): Promise<Grant>
  periods(page: LimitPage): Promise<{ items: ListedPeriod[]; next: bigint | null }>
  /**
   * Closes the period that runs and opens the next one. The limit has another version then.
   *
   * @throws `not_found` when the account has no limit; `conflict` when it is closed, or its period has not begun to count;
   *   `precondition_failed`.
   */
  closePeriod(adminId: bigint, given: Pick<SetLimit, 'expected' | 'by'>): Promise<LimitReport>
}

export function createLimits({ db }: { db: Database }): Limits {
  return {
    read: async (adminId) => {
      const running = await readLimit(db, adminId)
      if (!running) await requireAccount(db, adminId)
      return toReport(requireLimit(running, adminId))
    },
    set: async (adminId, given) => toReport(await setLimit(db, adminId, given)),
    remove: (adminId, given) => deleteLimit(db, adminId, given),
    grants: async (page) => {
      await requireAccount(db, page.adminId)
      const { grants, next } = await listGrants(db, page)
      return { items: grants, next }
    },
    grant: (adminId, request) => addGrant(db, adminId, request),
    revoke: (adminId, grantId, by) => takeGrantBack(db, adminId, grantId, by),
    periods: async (page) => {
      await requireAccount(db, page.adminId)
      const { periods, next } = await listPeriods(db, page)
      return { items: periods, next }
    },
    closePeriod: async (adminId, given) => toReport(await closeRunning(db, adminId, given)),
  }
}

function closeRunning(
  db: Database,
  adminId: bigint,
  { expected, by }: Pick<SetLimit, 'expected' | 'by'>,
): Promise<RunningLimit> {
  return transact(db, async (tx) => {
    const { account, running, at } = await lockForLimit(tx, adminId)
    checkVersion(running, expected, 'it has no period that could be closed')
    const closing = requireLimit(running, adminId)
    await refuseIfClosed(tx, adminId)
    if (!account.opened) {
      const detail =
        'The period has not begun to count: it waits for the first complete scan. GET /sync shows the progress.'
      throw new LedgerError('conflict', detail)
    }
    await judgeNow(tx, account, at, true)
    const opened = requireLimit(await readLimit(tx, adminId), adminId)
    await writeAudit(tx, {
      caller: by,
      action: 'period.closed',
      adminId,
      before: periodState(closing),
      after: periodState(opened),
    })
    return opened
  })
}

function toReport({ limit, figures, total, hold }: RunningLimit): LimitReport {
  return { limit, status: limitStatusOf(figures, total, hold) }
}
