import type { NextPlan, User } from './records.ts'

/**
 * How a user's status moves, as Marzban 0.8.4 moves it. What calls do was recorded (recordings/06-statuses.json); the rest
 * was read in its source: app/db/crud.py.
 */

/** What a PUT of a user may change. A field that is null or left out stays; but `nextPlan`: left out, a plan is deleted. */
export type UserChange = {
  status?: string | null
  dataLimit?: bigint | number | null
  expire?: bigint | number | null
  note?: string | null
  resetStrategy?: string | null
  onHoldExpireDuration?: bigint | number | null
  onHoldTimeout?: string | null
  nextPlan?: NextPlan | null
}

/** Whether a user of this status is meant to be served. */
export function isServedStatus(status: string): boolean {
  return status === 'active' || status === 'on_hold'
}

export function isOverLimit({ used, dataLimit }: User): boolean {
  return isGiven(dataLimit) && used >= BigInt(dataLimit)
}

export function isPastExpiry({ expire }: User, nowMs: number): boolean {
  return isGiven(expire) && Number(expire) <= nowMs / 1000
}

/** 0 means none, as null does. */
function isGiven(value: bigint | number | null): value is bigint | number {
  return value !== null && Number(value) !== 0
}

/** A limit or an expiry that is given decides about the status too, whatever status was asked for. */
export function applyChange(user: User, change: UserChange, nowMs: number): void {
  if (isSaid(change.status)) user.status = change.status
  if (isSaid(change.dataLimit)) {
    user.dataLimit = orNull(change.dataLimit)
    if (user.status !== 'expired' && user.status !== 'disabled') {
      if (isOverLimit(user)) user.status = 'limited'
      else if (user.status !== 'on_hold') user.status = 'active'
    }
  }
  if (isSaid(change.expire)) {
    user.expire = orNull(change.expire)
    if (user.status === 'active' || user.status === 'expired') {
      user.status = isPastExpiry(user, nowMs) ? 'expired' : 'active'
    }
  }
  if (isSaid(change.note)) user.note = change.note || null
  if (isSaid(change.resetStrategy)) user.resetStrategy = change.resetStrategy
  if (isSaid(change.onHoldTimeout)) user.onHoldTimeout = change.onHoldTimeout
  if (isSaid(change.onHoldExpireDuration)) user.onHoldExpireDuration = change.onHoldExpireDuration
  user.nextPlan = change.nextPlan ?? null
}

function isSaid<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined
}

function orNull(value: bigint | number): bigint | number | null {
  return Number(value) === 0 ? null : value
}

/** The panel means to spare disabled users, and by a slip spares only expired ones. */
export function resetUsage(user: User, at: string): void {
  moveUsage(user, at)
  if (user.status !== 'expired') user.status = 'active'
  user.nextPlan = null
}

/**
 * Carries out a queued plan. `failed`: the panel stumbles over a user without a limit, and nothing has changed. The sense of
 * `add_remaining_traffic` is the wrong way round, and what is left may be negative.
 */
export function applyPlan(user: User, at: string): 'applied' | 'none' | 'failed' {
  const plan = user.nextPlan
  if (!plan) return 'none'
  if (!plan.add_remaining_traffic && user.dataLimit === null) return 'failed'
  const rest = plan.add_remaining_traffic ? 0n : BigInt(user.dataLimit ?? 0) - user.used
  moveUsage(user, at)
  user.status = 'active'
  user.dataLimit = BigInt(plan.data_limit) + rest
  user.expire = plan.expire
  user.nextPlan = null
  return 'applied'
}

function moveUsage(user: User, at: string): void {
  user.past += user.used
  user.used = 0n
  user.lastResetAt = at
}
