import { LedgerError } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import { writeAudit } from '../../store/audit/audit.ts'
import type { Database } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import type { HoldFigures } from '../../store/holds/hold-figures.ts'
import {
  findHold,
  type Hold,
  type OperatorHold,
  removeOperatorHold,
  saveOperatorHold,
} from '../../store/holds/holds.ts'
import { lockForLimit, refuseUnlessHoldable, requireAccount } from '../limits/locked-account.ts'

/** A hold, and how far it has come. */
export type HoldReport = Pick<Hold, 'operator' | 'since'> & { figures: HoldFigures }

/** Holds of accounts by their operators. Every call throws `not_found` for an id that no account has. */
export type Holds = {
  /** @throws `not_found` when the account is not held, and gives nothing back. */
  read(adminId: bigint): Promise<HoldReport>
  /**
   * Has the users of an account disabled until {@link Holds.lift}. A second hold replaces the reason of the first.
   *
   * @throws `conflict` for a closed account, and for that of a sudo admin.
   */
  place(adminId: bigint, wish: Omit<OperatorHold, 'at'>): Promise<HoldReport>
  /** Takes an operator's hold back. A limit can still hold the account. @throws `not_found` when no operator holds it. */
  lift(adminId: bigint, by: string): Promise<void>
}

export function createHolds({ db }: { db: Database }): Holds {
  return {
    read: async (adminId) => {
      await requireAccount(db, adminId)
      return requireHold(await readHold(db, adminId), adminId)
    },
    place: (adminId, { reason, by }) =>
      transact(db, async (tx) => {
        const { at } = await lockForLimit(tx, adminId)
        await refuseUnlessHoldable(tx, adminId)
        const before = await findHold(tx, adminId)
        await saveOperatorHold(tx, adminId, { reason, by, at })
        await writeAudit(tx, {
          caller: by,
          action: 'hold.set',
          adminId,
          before: before?.operator ? { reason: before.operator.reason } : null,
          after: { reason },
        })
        return requireHold(await readHold(tx, adminId), adminId)
      }),
    lift: (adminId, by) =>
      transact(db, async (tx) => {
        const { at } = await lockForLimit(tx, adminId)
        const hold = await findHold(tx, adminId)
        if (!hold?.operator) {
          throw new LedgerError('not_found', whyNotLifted(adminId, hold?.reasons ?? null))
        }
        await removeOperatorHold(tx, adminId, at)
        await writeAudit(tx, {
          caller: by,
          action: 'hold.released',
          adminId,
          before: { reason: hold.operator.reason },
          after: null,
        })
      }),
  }
}

async function readHold(db: Database, adminId: bigint): Promise<HoldReport | null> {
  const hold = await findHold(db, adminId)
  const figures = (await findAccount(db, adminId))?.hold
  return hold && figures ? { operator: hold.operator, since: hold.since, figures } : null
}

function requireHold(report: HoldReport | null, adminId: bigint): HoldReport {
  if (report) return report
  const detail = `The account ${adminId} is not held; POST /admins/${adminId}/hold holds it.`
  throw new LedgerError('not_found', detail)
}

/** @param reasons what else holds the account; empty: its users are being enabled again; null: it is not held. */
function whyNotLifted(adminId: bigint, reasons: readonly string[] | null): string {
  if (reasons === null) return `The account ${adminId} is not held.`
  return reasons.length === 0
    ? `No operator holds the account ${adminId} any more: its users are being enabled again.`
    : `No operator holds the account ${adminId}: it is held for ${reasons.join(' and ')}. Raise its limit or grant traffic.`
}
