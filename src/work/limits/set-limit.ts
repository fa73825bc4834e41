import { allowanceOf } from '../../ledger/limit.ts'
import { endOfPeriod } from '../../ledger/turn-periods.ts'
import { writeAudit } from '../../store/audit/audit.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { rehearse, transact } from '../../store/connection/transact.ts'
import { saveLimitReasons } from '../../store/holds/holds.ts'
import { saveJudgedNext } from '../../store/limits/crossings.ts'
import type { LimitSettings } from '../../store/limits/limit-settings.ts'
import { type RunningLimit, removeLimit, saveLimit } from '../../store/limits/limits.ts'
import { closePeriods, moveEnd, openPeriods } from '../../store/limits/periods.ts'
import { type NewEvent, recordEvents } from '../../store/outbox/events.ts'
import { limitState } from './audit-states.ts'
import { limitCleared, periodClosed } from './limit-ends.ts'
import { areSameSettings, type LimitRequest, settingsOf } from './limit-request.ts'
import {
  checkVersion,
  type Expected,
  judgeNow,
  type LockedAccount,
  lockForLimit,
  readLimit,
  refuseIfClosed,
  refuseUnlessHoldable,
  requireLimit,
} from './locked-account.ts'

export type SetLimit = {
  request: LimitRequest
  expected: Expected
  /** Whether to answer what would result, and to change nothing. */
  isDryRun: boolean
  /** The name of the caller in the audit trail. */
  by: string
}

/**
 * Sets the limit of an account. The period that runs goes on; what changes of the calendar moves its end. A request that
 * changes nothing makes no new version.
 *
 * @throws `invalid_request`, `not_found`, `conflict`, `precondition_failed`.
 */
export async function setLimit(db: Database, adminId: bigint, given: SetLimit): Promise<RunningLimit> {
  return (given.isDryRun ? rehearse : transact)(db, async (tx) => {
    const locked = await lockForLimit(tx, adminId)
    const { account, running, at } = locked
    checkVersion(running, given.expected, 'leave If-Match out to set one')
    await refuseIfClosed(tx, adminId)
    const settings = settingsOf(given.request, running?.limit ?? null)
    if (settings.onExceed === 'disable_users') await refuseUnlessHoldable(tx, adminId, 'on_exceed')
    if (running && areSameSettings(settings, running.limit)) return running
    const isValidityNew = settings.validUntil?.getTime() !== running?.limit.validUntil?.getTime()
    await saveLimit(tx, adminId, { settings, at, by: given.by, isValidityNew })
    await writeAudit(tx, {
      caller: given.by,
      action: 'limit.set',
      adminId,
      before: running && limitState(running.limit),
      after: limitState(settings),
    })
    const rule = settings.period
    if (!running) await openFirst(tx, locked, settings)
    else if (JSON.stringify(rule) !== JSON.stringify(running.limit.period)) {
      // A clock that was set back must not end the period before it began.
      const from = Math.max(at.getTime(), running.period.startsAt.getTime())
      await moveEnd(tx, running.period.id, toDate(endOfPeriod(from, rule)))
    }
    await recordEvents(tx, [changed(adminId, settings, given.by)])
    await judgeNow(tx, account, at)
    return requireLimit(await readLimit(tx, adminId), adminId)
  })
}

async function openFirst(
  tx: Tx,
  { account, at }: LockedAccount,
  { countFrom, period }: ReturnType<typeof settingsOf>,
): Promise<void> {
  const totalNow = account.opened ? account.total : null
  const first = {
    adminId: account.adminId,
    startsAt: at,
    endsAt: toDate(endOfPeriod(at.getTime(), period)),
    totalAtStart: countFrom === 'beginning' ? 0n : totalNow,
    granted: 0n,
    carried: 0n,
    closed: null,
  }
  await openPeriods(tx, [first], at)
}

/**
 * Removes the limit of an account, and closes the period that runs. What was counted, granted and crossed stays.
 *
 * @throws `not_found`, `precondition_failed`.
 */
export async function deleteLimit(
  db: Database,
  adminId: bigint,
  { expected, by }: Pick<SetLimit, 'expected' | 'by'>,
): Promise<void> {
  await transact(db, async (tx) => {
    const { account, running, at } = await lockForLimit(tx, adminId)
    checkVersion(running, expected, 'there is nothing to remove')
    const { limit, period, figures } = requireLimit(running, adminId)
    const { trafficLimit } = figures
    const end = {
      id: period.id,
      endsAt: new Date(Math.max(at.getTime(), period.startsAt.getTime())),
      totalAtStart: period.totalAtStart ?? account.total,
      totalAtEnd: account.total,
      allowance: allowanceOf({ ...period, trafficLimit }),
    }
    await closePeriods(tx, [end], at)
    await removeLimit(tx, adminId)
    await writeAudit(tx, {
      caller: by,
      action: 'limit.deleted',
      adminId,
      before: limitState(limit),
      after: null,
    })
    await saveJudgedNext(tx, [{ adminId, total: null, time: null }])
    await saveLimitReasons(tx, [{ adminId, reasons: [] }], at)
    const used = end.totalAtEnd - end.totalAtStart
    const was = limit.announced
    const over = { periodId: period.id, version: limit.version, was, used, allowance: end.allowance }
    await recordEvents(tx, [
      changed(adminId, null, by),
      periodClosed(adminId, { ...end, startsAt: period.startsAt }),
      ...(was === null ? [] : [limitCleared(adminId, over)]),
    ])
  })
}

/** @param settings null: the limit is removed. */
function changed(adminId: bigint, settings: LimitSettings | null, by: string): NewEvent {
  const payload = settings && {
    traffic_limit: settings.trafficLimit,
    valid_until: settings.validUntil,
    on_exceed: settings.onExceed,
  }
  return { type: 'limit.changed', adminId, payload: { by, limit: payload } }
}

function toDate(instant: number | null): Date | null {
  return instant === null ? null : new Date(instant)
}
