import { reasonsOf } from '../../ledger/hold.ts'
import { type Crossing, crossingsOf, nextCrossing, stateOf, usageOf } from '../../ledger/limit.ts'
import { type ClosedPeriod, closePeriod, type RunningPeriod, turnPeriods } from '../../ledger/turn-periods.ts'
import type { Tx } from '../../store/connection/database.ts'
import { saveLimitReasons } from '../../store/holds/holds.ts'
import { type JudgedNext, recordCrossings, saveJudgedNext } from '../../store/limits/crossings.ts'
import {
  noteExpired,
  noteStates,
  type RunningLimit,
  readLimits,
  renewVersions,
} from '../../store/limits/limits.ts'
import { closePeriods, type NewPeriod, openPeriods, startCounting } from '../../store/limits/periods.ts'
import { type NewEvent, recordEvents } from '../../store/outbox/events.ts'
import { type LimitEvent, recordLimitEvents } from '../../store/outbox/limit-events.ts'
import { limitCleared, periodClosed } from './limit-ends.ts'

/** An account that the transaction has locked. Totals are bytes. */
export type JudgedAccount = {
  adminId: bigint
  /** Before what grows now. */
  totalBefore: bigint
  total: bigint
  /** Whether its opening balance is closed: nothing is judged before. */
  opened: boolean
}

/**
 * Judges the limits of accounts: closes the periods that have ended and opens the next ones, stores what is crossed, each
 * crossing once, with an event, and notes when to judge again. Accounts without a limit are left alone.
 *
 * @param at the database's time.
 * @param closeNow also closes the period that runs.
 */
export async function judgeLimits(
  tx: Tx,
  accounts: readonly JudgedAccount[],
  at: Date,
  closeNow = false,
): Promise<void> {
  if (accounts.length === 0) return
  const limits = await readLimits(
    tx,
    accounts.map(({ adminId }) => adminId),
  )
  const stored = accounts.flatMap((account) => {
    const running = limits.get(account.adminId)
    return running ? [{ ...running, account }] : []
  })
  const pending = stored.filter(({ account }) => !account.opened)
  const turned = stored
    .filter(({ account }) => account.opened)
    .map((judged) => ({ ...judged, ...turn(judged, at, closeNow) }))
  await startCounting(tx, turned.flatMap(startOf))
  await closePeriods(tx, turned.flatMap(firstEnd), at)
  const opened = await openPeriods(tx, turned.flatMap(newPeriods), at)

  // Who has seen the period before cannot close this one for it.
  const versions = await renewVersions(
    tx,
    turned.filter(({ closed }) => closed.length > 0).map(({ account: { adminId } }) => adminId),
  )
  const judged = turned.map((t) => ({
    ...t,
    ...judge(t, at),
    limit: { ...t.limit, version: versions.get(t.account.adminId) ?? t.limit.version },
    periodId: opened.get(t.account.adminId) ?? t.period.id,
  }))
  const announced = await recordCrossings(tx, judged.flatMap(toCrossings), at)
  await recordLimitEvents(
    tx,
    announced.map((crossing) => toEvent(crossing, announced)),
  )
  const changed = judged.filter(({ limit, state }) => state !== (limit.announced ?? 'ok'))
  await noteStates(tx, changed.map(toState))
  await recordEvents(tx, [
    ...turned.flatMap(toPeriodEvents),
    ...changed.filter(({ state }) => state === 'ok').map(toCleared),
  ])
  await saveLimitReasons(tx, judged.map(toReasons), at)
  const expired = announced.filter(({ kind }) => kind === 'expired')
  await noteExpired(
    tx,
    expired.map(({ adminId }) => adminId),
    at,
  )
  // As soon as the opening balance is closed, any total is reason enough.
  const waiting = pending.map(({ account: { adminId } }) => ({ adminId, total: 0n, time: null }))
  await saveJudgedNext(tx, [...waiting, ...judged.map(({ next }) => next)])
}

type Judged = RunningLimit & { account: JudgedAccount }
type Turned = Judged & { closed: ClosedPeriod[]; running: RunningPeriod }

function turn(
  { limit, period, account, isClosed }: Judged,
  at: Date,
  closeNow: boolean,
): Pick<Turned, 'closed' | 'running'> {
  const isFirst = period.totalAtStart === null
  const settings = { trafficLimit: limit.trafficLimit, carryOver: limit.carryOver, rule: limit.period }
  const begun: RunningPeriod = {
    startsAt: period.startsAt.getTime(),
    endsAt: period.endsAt?.getTime() ?? null,
    totalAtStart: period.totalAtStart ?? account.total,
    granted: period.granted,
    carried: period.carried,
  }
  if (isClosed) return { closed: [], running: begun }
  const turned = turnPeriods(begun, settings, isFirst ? account.total : account.totalBefore, at.getTime())
  if (!closeNow) return turned
  const { closed, running } = closePeriod(turned.running, settings, account.total, at.getTime())
  return { closed: [...turned.closed, closed], running }
}

function startOf({ period, closed, running }: Turned): { id: bigint; totalAtStart: bigint }[] {
  if (period.totalAtStart !== null || closed.length > 0) return []
  return [{ id: period.id, totalAtStart: running.totalAtStart }]
}

function firstEnd({ period, closed: [first] }: Turned) {
  return first ? [{ id: period.id, ...first, endsAt: new Date(first.endsAt) }] : []
}

function newPeriods({ account: { adminId }, closed: [first, ...missed], running }: Turned): NewPeriod[] {
  if (!first) return []
  const ended = missed.map((period) => ({
    ...newPeriod(adminId, period),
    closed: { ...period, endsAt: new Date(period.endsAt) },
  }))
  return [...ended, newPeriod(adminId, running)]
}

function newPeriod(adminId: bigint, { startsAt, endsAt, totalAtStart, granted, carried }: RunningPeriod) {
  return {
    adminId,
    startsAt: new Date(startsAt),
    endsAt: endsAt === null ? null : new Date(endsAt),
    totalAtStart,
    granted,
    carried,
    closed: null,
  }
}

/** What the account has crossed in the period that runs, and when it is to be judged again. */
function judge({ limit, figures, running, account: { adminId, total } }: Turned, at: Date) {
  const usage = usageOf(total, running.totalAtStart, { ...running, trafficLimit: limit.trafficLimit })
  // `at` may be from before the account was locked, and another transaction have announced the end meanwhile.
  const isOver = figures.isExpired || (limit.validUntil !== null && limit.validUntil <= at)
  const crossings = crossingsOf(usage, limit.warnAt, isOver && limit.expiredAt === null)
  const times = [running.endsAt ?? Number.POSITIVE_INFINITY]
  // Also when its end was announced already: a clock that was set back comes there once more.
  if (limit.validUntil !== null && !isOver) times.push(limit.validUntil.getTime())
  const time = Math.min(...times)
  const current = crossingsOf(usage, limit.warnAt, isOver)
  const next: JudgedNext = {
    adminId,
    total: nextCrossing(total, running.totalAtStart, usage.allowance, limit.warnAt),
    time: Number.isFinite(time) ? new Date(time) : null,
  }
  return { usage, crossings, current, state: stateOf(current), next }
}

type JudgedLimit = Turned & ReturnType<typeof judge> & { periodId: bigint }

function toState({ account: { adminId }, state }: JudgedLimit) {
  return { adminId, announced: state === 'ok' ? null : state }
}

function toCleared({ account: { adminId }, limit, usage, periodId }: JudgedLimit): NewEvent {
  return limitCleared(adminId, { ...usage, periodId, version: limit.version, was: limit.announced })
}

function toPeriodEvents({ account: { adminId }, closed }: Turned): NewEvent[] {
  return closed.map((period) =>
    periodClosed(adminId, {
      ...period,
      startsAt: new Date(period.startsAt),
      endsAt: new Date(period.endsAt),
    }),
  )
}

function toReasons({ account: { adminId }, limit, current }: JudgedLimit) {
  return { adminId, reasons: reasonsOf(limit, current) }
}

function toCrossings({ limit, running, account, usage, crossings, periodId }: JudgedLimit) {
  return crossings.map((crossing: Crossing) => ({
    adminId: account.adminId,
    periodId,
    version: limit.version,
    kind: crossing.kind,
    threshold: crossing.kind === 'warned' ? crossing.threshold : 100,
    total: account.total,
    used: usage.used,
    allowance: usage.allowance,
    endsAt: running.endsAt === null ? null : new Date(running.endsAt),
    validUntil: limit.validUntil,
  }))
}

type Announced = ReturnType<typeof toCrossings>[number]

/** @param announced all of that moment, of each account in ascending order. */
function toEvent(crossing: Announced, announced: readonly Announced[]): LimitEvent {
  const isGravest = announced.findLast(({ adminId }) => adminId === crossing.adminId) === crossing
  return { ...crossing, type: `limit.${crossing.kind}`, isGravest }
}
