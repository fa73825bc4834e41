import { claim } from './books.ts'
import type { HoldRow, LimitedAccount, LimitRow, LimitRows, PeriodRow } from './limit-rows.ts'

const dayMs = 86_400_000

/** Of one account: its limit, and its periods in their order. */
type Limited = {
  account: LimitedAccount
  limit: LimitRow | undefined
  periods: PeriodRow[]
  hold: HoldRow | undefined
}

/** What the figures of a limit amount to: used, allowed, and what that crosses, but the end of the validity. */
type Figures = { used: bigint; allowance: bigint | null; crossed: string[] }

/**
 * Works out from totals, settings and grants what periods, crossings and the reasons of holds must be, and compares. It knows
 * how all was before each transaction.
 */
export class LimitBooks {
  private before: LimitRows | null = null
  /** By account: how many crossings there were when the end of its validity was set last. */
  private validitySetAt = new Map<string, number>()

  /** The ledger knows only what it knew then. */
  forget(rows: LimitRows): void {
    this.before = rows
    this.validitySetAt = new Map()
  }

  /** After a transaction of the operation `by`. */
  observe(rows: LimitRows, by: string): void {
    const { before } = this
    for (const account of rows.accounts) {
      const old = before ? limitedOf(before, account.id) : undefined
      const now = limitedOf(rows, account.id)
      if (!now) continue
      this.checkPeriods(rows, now, old)
      if (!account.isClosed) this.checkReasons(now, old, by)
      if (account.isClosed) claim(!now.hold, `the closed account of ${account.admin} is held`)
      if (now.limit?.validUntil !== old?.limit?.validUntil) {
        // What was due before it was set belongs to the version before.
        const known = before?.crossings.length ?? 0
        const late = rows.crossings.slice(known).filter(({ version }) => version === now.limit?.version)
        this.validitySetAt.set(account.id, rows.crossings.length - late.length)
      }
      this.checkCrossed(rows, now, by)
    }
    this.checkRecorded(rows)
    this.before = rows
  }

  /** The clock has been looked at: nothing is due. */
  atRest(rows: LimitRows): void {
    for (const account of rows.accounts) {
      const limited = limitedOf(rows, account.id)
      if (!limited?.limit || account.isClosed || !account.isOpened) continue
      const { limit, periods, hold } = limited
      const { admin } = account
      const end = periods.at(-1)?.endsAt ?? null
      claim(end === null || end > rows.now, `at rest a period of ${admin} has ended and runs`)
      const isOver = limit.validUntil !== null && limit.validUntil <= rows.now
      const isHeld = isOver && limit.onExceed === 'disable_users'
      claim(isHeld === (hold?.reasons.includes('expired') ?? false), `at rest ${show(hold)} holds ${admin}`)
      const told = rows.crossings
        .slice(this.validitySetAt.get(account.id) ?? 0)
        .filter((one) => one.account === account.id && one.kind === 'expired').length
      if (this.validitySetAt.has(account.id)) {
        claim(told === (isOver ? 1 : 0), `the end of the validity of ${admin} was recorded ${told} times`)
      }
    }
  }

  private checkPeriods(rows: LimitRows, now: Limited, old: Limited | undefined): void {
    const { account, periods, limit } = now
    const { admin } = account
    const open = periods.filter(({ isClosed }) => !isClosed)
    claim(open.length === (limit ? 1 : 0), `${admin} has ${open.length} periods that run`)
    const known = new Map(old?.periods.map((period) => [period.id, period]))
    let last: PeriodRow | undefined
    for (const period of periods) {
      const wasOpen = known.get(period.id)?.isClosed !== true
      if (wasOpen) this.checkPeriod(now, old, period, last)
      const granted = sum(
        rows.grants
          .filter((grant) => grant.period === period.id && !grant.isRevoked)
          .map(({ bytes }) => bytes),
      )
      claim(granted === period.granted, `of ${admin} ${granted} bytes were granted, not ${period.granted}`)
      last = period
    }
    const [running] = open
    const hasGrown = account.total > (old?.account.total ?? 0n)
    if (!running || account.isClosed || !account.isOpened || !hasGrown || !old?.account.isOpened) return
    claim(
      running.endsAt === null || running.endsAt > rows.now,
      `${admin} grew after its period had ended, and that counts for it`,
    )
  }

  /** A period that has run since the last transaction, or was opened by this one. */
  private checkPeriod(
    { account, limit }: Limited,
    old: Limited | undefined,
    period: PeriodRow,
    last: PeriodRow | undefined,
  ): void {
    const { admin, isOpened, total } = account
    const known = old?.periods.find(({ id }) => id === period.id)
    const isNew = known === undefined
    const hasBegun = old?.account.isOpened || known?.totalAtStart === 0n
    const before = hasBegun ? (old?.account.total ?? 0n) : total
    const rules = old?.limit ?? limit
    if (known?.totalAtStart === null && period.totalAtStart !== null) {
      claim(period.totalAtStart === total, `the first period of ${admin} counts from ${period.totalAtStart}`)
    }
    const isFirst = isNew && (!old?.limit || !last)
    if (isFirst) {
      const start = limit?.countFrom === 'beginning' ? 0n : isOpened ? total : null
      claim(period.totalAtStart === start, `the first period of ${admin} counts from ${period.totalAtStart}`)
      claim(period.carried === 0n, `the first period of ${admin} carries ${period.carried}`)
    } else if (isNew && last) {
      claim(period.startsAt === last.endsAt, `a period of ${admin} does not begin when the one before ended`)
      claim(
        period.totalAtStart === last.totalAtEnd,
        `a period of ${admin} begins at ${period.totalAtStart}, the one before ended at ${last.totalAtEnd}`,
      )
      const carried = carriedFrom(last, rules)
      claim(period.carried === carried, `a period of ${admin} carries ${period.carried}, not ${carried}`)
    }
    if (period.isClosed) {
      claim(period.totalAtEnd === before, `a period of ${admin} ended at ${period.totalAtEnd}, not ${before}`)
      const allowance = rules ? allowed(rules, period) : null
      claim(period.allowanceAtEnd === allowance, `a period of ${admin} allowed ${period.allowanceAtEnd}`)
    } else if (limit?.unit === 'day') {
      const end = period.endsAt ?? 0
      claim(end % dayMs === 0 && end > period.startsAt, `a day of ${admin} ends at ${end}`)
      const midnight = Math.floor(period.startsAt / dayMs) * dayMs + dayMs
      if (isNew) claim(end === midnight, `a day of ${admin} that began at ${period.startsAt} ends at ${end}`)
    } else claim(period.endsAt === null, `a package of ${admin} ends by itself`)
  }

  private checkReasons(
    { account, limit, periods, hold }: Limited,
    old: Limited | undefined,
    by: string,
  ): void {
    const reasons = hold?.reasons ?? []
    const isUsedUp = figuresOf(account, limit, periods)?.crossed.includes('exceeded') ?? false
    const wanted = isUsedUp && limit?.onExceed === 'disable_users'
    claim(reasons.includes('limit') === wanted, `${account.admin} is held because of ${show(hold)}`)
    const isByOperator = reasons.includes('operator')
    claim(
      isByOperator === (hold?.hasOperator ?? false),
      `the operator's hold of ${account.admin} is half gone`,
    )
    const wasByOperator = old?.hold?.reasons.includes('operator') ?? false
    claim(
      isByOperator === wasByOperator || / (place|lift) hold /.test(by),
      `${by} has changed the operator's hold of ${account.admin}`,
    )
    if (!limit) claim(!reasons.includes('expired'), `${account.admin} has no limit, and is held as expired`)
  }

  /** What the figures say is crossed is recorded, and nothing else is recorded now. */
  private checkCrossed(rows: LimitRows, { account, limit, periods }: Limited, by: string): void {
    if (account.isClosed) return
    const known = this.before?.crossings.length ?? 0
    const own = rows.crossings.filter((one) => one.account === account.id)
    const figures = figuresOf(account, limit, periods)
    const running = periods.at(-1)
    for (const { period, version, kind, threshold, total } of rows.crossings.slice(known)) {
      if (!own.some((one) => one.period === period)) continue
      const text = kind === 'warned' ? `warned ${threshold}` : kind
      const isOver = limit?.validUntil != null && limit.validUntil <= rows.now
      const isOfNow = period === running?.id && version === limit?.version
      // What is due is judged before the limit is changed.
      if (!isOfNow && /: (set limit|remove limit|grant|revoke grant|close period) /.test(by)) continue
      const isTrue = kind === 'expired' ? isOver : figures?.crossed.includes(text)
      claim(isTrue === true, `${by} recorded of ${account.admin}: ${text}, and it is not so`)
      claim(isOfNow && total === account.total, `${by} recorded ${text} of ${account.admin} for another time`)
    }
    for (const text of figures?.crossed ?? []) {
      const isRecorded = own.some(
        ({ period, version, kind, threshold }) =>
          period === running?.id &&
          version === limit?.version &&
          text === (kind === 'warned' ? `warned ${threshold}` : kind),
      )
      claim(isRecorded, `nobody recorded that ${account.admin} crossed its limit: ${text}`)
    }
  }

  /** Each crossing is there once, and has one event. */
  private checkRecorded({ crossings, events }: LimitRows): void {
    const keyOf = (one: {
      account: string
      period: bigint
      version: bigint
      kind: string
      threshold: number
    }) => [one.account, one.period, one.version, one.kind, one.threshold].join(' ')
    const recorded = crossings.map(keyOf).sort().join('\n')
    claim(new Set(crossings.map(keyOf)).size === crossings.length, 'a crossing was recorded twice')
    claim(recorded === events.map(keyOf).sort().join('\n'), 'crossings and their events are not the same')
  }
}

function limitedOf(rows: LimitRows, id: string): Limited | undefined {
  const account = rows.accounts.find((one) => one.id === id)
  return (
    account && {
      account,
      limit: rows.limits.find((one) => one.account === id),
      periods: rows.periods.filter((one) => one.account === id),
      hold: rows.holds.find((one) => one.account === id),
    }
  )
}

/** Null: nothing is judged. */
export function figuresOf(
  { isOpened, total }: LimitedAccount,
  limit: LimitRow | undefined,
  periods: readonly PeriodRow[],
): Figures | null {
  const running = periods.at(-1)
  if (!isOpened || !limit || running?.totalAtStart == null) return null
  const used = total - running.totalAtStart
  const allowance = allowed(limit, running)
  if (allowance === null) return { used, allowance, crossed: [] }
  const crossed = limit.warnAt
    .filter((percent) => !(used * 100n < allowance * BigInt(percent)))
    .map((percent) => `warned ${percent}`)
  return { used, allowance, crossed: used < allowance ? crossed : [...crossed, 'exceeded'] }
}

function allowed({ bytes }: LimitRow, { granted, carried }: PeriodRow): bigint | null {
  return bytes === null ? null : bytes + granted + carried
}

function carriedFrom({ totalAtEnd, totalAtStart, allowanceAtEnd }: PeriodRow, rules?: LimitRow): bigint {
  if (allowanceAtEnd === null || totalAtEnd === null || totalAtStart === null) return 0n
  const left = allowanceAtEnd - (totalAtEnd - totalAtStart)
  if (rules?.carryOver === 'all') return left
  return rules?.carryOver === 'debt' && left < 0n ? left : 0n
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((all, one) => all + one, 0n)
}

function show(hold: HoldRow | undefined): string {
  return hold ? `[${hold.reasons.join(', ')}]` : 'nothing'
}
