import type { ServiceReply, UserService, WantedService } from '../panel.ts'
import { exactJson } from '../transport/exact-json.ts'
import type { PanelAnswer, PanelRequest } from '../transport/transport.ts'
import { detailOf, parseJson } from './answer-errors.ts'
import type { AuthorisedCalls } from './authorised-call.ts'
import { creationOf, isObject, ownerNameOf, statusOf } from './decode.ts'
import { namedPath } from './named-path.ts'
import { byteCount, Odd } from './odd-values.ts'
import { findUser, type Question, userUnreadable } from './read-user.ts'
import { saysNothingWasDone } from './success-forms.ts'
import { texts } from './texts.ts'

/** What Marzban needs beside the status. `plan`: undefined before 0.6, which has no plans; null: none is queued. */
type Unread = { used: bigint | null; lifetime: bigint | null; plan: unknown }

/** Whether the panel serves a user; see `PanelClient.userService`. */
export async function readService(question: Question): Promise<UserService | null> {
  const found = await findUser(question)
  if (found === null) return null
  try {
    return toService(found.valid)
  } catch (error) {
    throw error instanceof Odd ? userUnreadable(question.username, error.message, error) : error
  }
}

function toService(answer: Record<string, unknown> & { username: string }): UserService {
  const createdAt = creationOf(answer)
  if (createdAt === null) throw new Odd('created_at is no time like 2026-01-31T10:20:30.123456')
  const unread: Unread = {
    used: countOf(answer.used_traffic),
    lifetime: countOf(answer.lifetime_used_traffic),
    plan: answer.next_plan,
  }
  return {
    username: answer.username,
    createdAt,
    owner: ownerNameOf(answer.admin),
    status: statusOf(answer.status),
    onHoldDuration: countOf(answer.on_hold_expire_duration),
    onHoldTimeout: typeof answer.on_hold_timeout === 'string' ? answer.on_hold_timeout : null,
    unread,
  }
}

function countOf(value: unknown): bigint | null {
  const count = byteCount(value)
  return typeof count === 'bigint' ? count : null
}

/**
 * Changes a user's status; see `PanelClient.setService`.
 *
 * Marzban deletes a queued `next_plan` that a change leaves out, so it is sent back. If the panel has carried the plan out
 * between our question and our change, that would queue it a second time: its answer shows a reset, and the plan is taken
 * back.
 */
export async function setService(
  calls: AuthorisedCalls,
  user: UserService,
  wanted: WantedService,
): Promise<ServiceReply> {
  const { plan } = user.unread as Unread
  const change = changeOf(wanted)
  const reply = await send(calls, user, { ...change, ...(plan !== undefined && { next_plan: plan }) })
  const isPlanUsed = isPlan(plan) && reply.user !== null && wasReset(user.unread as Unread, reply.user)
  const { verdict, error } = isPlanUsed ? await send(calls, user, change) : reply
  return { verdict, error }
}

function isPlan(plan: unknown): boolean {
  return plan !== undefined && plan !== null
}

function changeOf(wanted: WantedService): Record<string, unknown> {
  if (wanted.status === 'as it is') return {}
  if (wanted.status !== 'on_hold') return { status: wanted.status }
  return {
    status: 'on_hold',
    on_hold_expire_duration: wanted.onHoldDuration,
    ...(wanted.onHoldTimeout !== null && { on_hold_timeout: wanted.onHoldTimeout }),
  }
}

/** Whether `used_traffic` was set back while the lifetime stayed: so does a plan, and so does a reset, which drops the plan. */
function wasReset(before: Unread, answer: Record<string, unknown>): boolean {
  const [used, lifetime] = [countOf(answer.used_traffic), countOf(answer.lifetime_used_traffic)]
  if (used === null || before.used === null || lifetime === null || before.lifetime === null) return false
  return used < before.used && lifetime >= before.lifetime
}

/**
 * Mends a user that makes Marzban answer 500; see `PanelClient.repairUser`. An `expire` beyond the year 9999 does so, and a
 * negative `data_limit`, which a plan without `add_remaining_traffic` leaves behind. That 0.8.4 stores
 * both was seen on SQLite; that this change mends them was read in its source (app/routers/user.py, modify_user).
 */
export async function repairUser(calls: AuthorisedCalls, username: string): Promise<ServiceReply> {
  const expiry = await send(calls, { username }, { expire: 0 })
  const { verdict, error } =
    expiry.verdict === 'unclear' ? await send(calls, { username }, { expire: 0, data_limit: 1 }) : expiry
  return { verdict, error }
}

type Sent = ServiceReply & { user: Record<string, unknown> | null }

async function send(
  calls: AuthorisedCalls,
  { username }: Pick<UserService, 'username'>,
  body: Record<string, unknown>,
): Promise<Sent> {
  const path = namedPath('/api/user', username)
  const request: PanelRequest = { method: 'PUT', path, json: exactJson(body), freshConnection: true }
  const { answer, error } = await calls.attempt(request)
  if (answer === null) return { verdict: error.unsent ? 'unsent' : 'unclear', error, user: null }
  if (error.unsent) return { verdict: 'unsent', error, user: null }
  const user = userIn(answer, username)
  if (user !== null && isAsSent(user, body)) return { verdict: 'done', error: null, user }
  if (answer.status === 404 && detailOf(answer) === texts.noSuchUser) {
    return { verdict: 'missing', error, user: null }
  }
  const { status, contentType, text } = answer
  const refused = saysNothingWasDone({
    status,
    headers: { 'content-type': contentType },
    body: Buffer.from(text),
  })
  return { verdict: refused ? 'refused' : 'unclear', error, user: null }
}

/** The user in an answer to a change of it; null: the answer is another one. */
function userIn(answer: PanelAnswer, username: string): Record<string, unknown> | null {
  const json = answer.status === 200 ? parseJson(answer) : undefined
  return isObject(json) && json.username === username ? json : null
}

function isAsSent(user: Record<string, unknown>, { status }: Record<string, unknown>): boolean {
  return status === undefined || user.status === status
}
