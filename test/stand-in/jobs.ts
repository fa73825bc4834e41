import type { User } from './records.ts'
import { breaksAnswers } from './render.ts'
import type { PanelState } from './state.ts'
import { applyChange, applyPlan, isOverLimit, isPastExpiry } from './statuses.ts'

/**
 * What the panel does by itself. The panel's own clock is `state.now`; a job runs once, when the test says so. Read in the
 * source of 0.8.4: app/jobs/review_users.py, app/jobs/reset_user_data_usage.py, app/telegram/handlers/admin.py; the review of
 * active users was recorded as well (recordings/06-statuses.json).
 */

/**
 * The review of all users, every ten seconds: users at their limit or past their expiry become limited or expired, or get
 * their next plan; users on hold that have connected, or waited long enough, become active. A user that the panel cannot show
 * ends the whole run, and those after it stay as they are.
 */
export function reviewUsers(state: PanelState): void {
  for (const user of withStatus(state, 'active')) if (!reviewActive(state, user)) return
  for (const user of withStatus(state, 'on_hold')) {
    if (!mayBegin(user, state.now())) continue
    user.status = 'active'
    if (user.onHoldExpireDuration === null) return
    user.expire = Math.floor(state.now() / 1000) + Number(user.onHoldExpireDuration)
    user.onHoldExpireDuration = null
    user.onHoldTimeout = null
    if (breaksAnswers(user)) return
  }
}

/** False: the panel stumbles. */
function reviewActive(state: PanelState, user: User): boolean {
  const limited = isOverLimit(user)
  const expired = isPastExpiry(user, state.now())
  if (!limited && !expired) return true
  if (user.nextPlan && (user.nextPlan.fire_on_either || (limited && expired))) {
    if (applyPlan(user, state.timestamp()) === 'failed' || breaksAnswers(user)) return false
    state.xray.tell(user)
    return true
  }
  user.status = limited ? 'limited' : 'expired'
  state.xray.tell(user)
  return !breaksAnswers(user)
}

/** A user on hold begins when it is online after it was last edited, or when its timeout is over. */
function mayBegin(user: User, nowMs: number): boolean {
  const base = timeOf(user.editedAt ?? user.createdAt)
  if (user.onlineAt !== null && timeOf(user.onlineAt) >= base) return true
  return user.onHoldTimeout !== null && timeOf(user.onHoldTimeout) <= nowMs
}

const strategyDays: Record<string, number> = { day: 1, week: 7, month: 30, year: 365 }

/**
 * The reset of users whose limit is per day, week, month or year, every hour: limited ones become active, and queued plans
 * are dropped. The core is not told about those that were limited.
 */
export function resetByStrategy(state: PanelState): void {
  for (const user of [...withStatus(state, 'active'), ...withStatus(state, 'limited')]) {
    const days = strategyDays[user.resetStrategy]
    const age = state.now() - timeOf(user.lastResetAt ?? user.createdAt)
    if (days !== undefined && age >= days * 86_400_000) state.resetUser(user.username)
  }
}

/** The panel's Telegram bot, by which an admin activates a user: a change behind the API's back. It drops a queued plan. */
export function activateByBot(state: PanelState, username: string): void {
  const user = state.mustFind(username)
  applyChange(user, { status: 'active' }, state.now())
  user.editedAt = state.timestamp()
  state.xray.tell(user)
}

function withStatus(state: PanelState, status: string): User[] {
  return [...state.users.values()].filter((user) => user.status === status)
}

/** Milliseconds since 1970 of a time as the panel writes it: naive UTC. */
function timeOf(text: string): number {
  return Date.parse(`${text}Z`)
}
