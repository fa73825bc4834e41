import { longestAskedFor } from '../panel.ts'
import type { CallEffect, CallToJudge, Disabled } from '../panel-api.ts'
import { isObject } from './decode.ts'

/** No body of a few short fields is larger. */
const longestBody = 16 * 1024
const userPath = /^\/api\/user\/[^/]+$/
const disablingPath = /^\/api\/admin\/([^/]+)\/users\/disable$/
/** Another type or charset could make the panel read other fields than are read here. */
const plainJson = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i

/** See `PanelApi.effectOf`. Whatever is not recognised, to the letter, is a change. */
export function effectOf(call: CallToJudge): CallEffect {
  const { method, path } = call
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return 'read'
  if (method === 'DELETE') return 'delete'
  if (method === 'POST' && path === '/api/admin/token') return 'log in'
  if (method === 'PUT' && userPath.test(path)) return effectOfFields(call)
  return 'change'
}

/** 9999-12-30T23:59:59: a day before the last second of which Python makes a date, in whatever time zone the panel is. */
const lastSecond = 253_402_214_399
/** 3,000 years. At its first connection a user gets an expiry so far ahead: that must be a date as well. */
const longestDuration = 100_000_000_000

/**
 * See `PanelApi.breakingFieldOf`. Marzban 0.8.4 stores such a user and answers 500, and then fails at every list with it
 * (run on SQLite). It means names of at most 32 characters, but its pattern lets longer ones through (read in its source): one
 * about which it cannot be asked, nobody could disable, reset or delete.
 */
export function breakingFieldOf({
  method,
  path,
  body,
}: CallToJudge): { field: string; detail: string } | null {
  const isOfUser = (method === 'POST' && path === '/api/user') || (method === 'PUT' && userPath.test(path))
  if (!isOfUser || body === null || body.length === 0) return null
  const fields = jsonIn(body)
  if (fields === undefined) return { field: 'body', detail: notJson }
  if (!isObject(fields)) return null
  if (method === 'POST' && typeof fields.username === 'string' && fields.username.length > longestAskedFor) {
    const detail = `username must have at most ${longestAskedFor} characters: the panel could not be asked about this user again.`
    return { field: 'username', detail }
  }
  const plan = isObject(fields.next_plan) ? fields.next_plan : {}
  const seconds = [
    { field: 'expire', value: fields.expire, most: lastSecond },
    { field: 'on_hold_expire_duration', value: fields.on_hold_expire_duration, most: longestDuration },
    { field: 'next_plan.expire', value: plan.expire, most: lastSecond },
  ]
  const breaking = seconds.find(({ value, most }) => secondsIn(value) > most)
  if (breaking === undefined) {
    return isNegative(plan.data_limit) ? { field: 'next_plan.data_limit', detail: negativeQuota } : null
  }
  const { field, value, most } = breaking
  if (typeof value === 'string' && !isPlainNumber(value)) {
    const detail = `${field} must be a number of seconds, not a text that the panel reads in its own way; 0 means never.`
    return { field, detail }
  }
  const detail =
    `${field} must be at most ${most}, so that the user expires before the end of the year 9999; 0 means never. The panel ` +
    'would store it, and fail at every list with this user.'
  return { field, detail }
}

/** The panel refuses a negative `data_limit` of a user itself, but not that of a plan. */
const negativeQuota =
  'next_plan.data_limit must not be negative. The panel would carry out this plan, and fail at every list with this user.'

/** Python reads more than JSON: other charsets, NaN and Infinity. What is not read here could hide a field. */
const notJson = 'The body must be JSON (RFC 8259) in UTF-8, without a byte order mark; it was not forwarded.'

/** Undefined: the body is not JSON, to the letter. */
function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    return undefined
  }
}

/** What the panel can read as a number. It takes texts as well, with digits of any alphabet and underscores between them. */
function secondsIn(value: unknown): number {
  if (typeof value !== 'string') return Number(value)
  if (isPlainNumber(value)) return Number(value)
  return /\p{Nd}/u.test(value) ? Number.POSITIVE_INFINITY : Number.NaN
}

/** Whether everybody reads the same number in a text. */
function isPlainNumber(text: string): boolean {
  return /^\s*[+-]?\d+(?:\.0*)?\s*$/.test(text)
}

/** Whether the panel can read a value as a number below zero; see {@link secondsIn}. */
function isNegative(value: unknown): boolean {
  return typeof value === 'string' ? /-.*\p{Nd}/u.test(value) : Number(value) < 0
}

/** See `PanelApi.disabledBy`. */
export function disabledBy({ method, path, body }: CallToJudge): Disabled | null {
  const usersOf = method === 'POST' ? disablingPath.exec(path)?.[1] : undefined
  if (usersOf !== undefined) return { usersOf }
  if (method !== 'PUT' || !userPath.test(path) || body === null) return null
  const fields = jsonIn(body)
  if (!isObject(fields) || fields.status !== 'disabled') return null
  // MySQL ignores spaces at the end, and no user's name ends with one.
  return { user: path.slice('/api/user/'.length).replace(/ +$/, '') }
}

/**
 * A limit or an expiry can activate a user without a status, and a plan that is queued can do so later: only a PUT that has
 * no other field than these two is known to activate nobody.
 */
function effectOfFields(call: CallToJudge): CallEffect {
  const fields = readFields(call)
  if (!fields) return 'change'
  const { status, note, ...others } = fields
  if (Object.keys(others).length > 0) return 'change'
  if ('status' in fields) return status === 'disabled' ? 'disable' : 'change'
  return 'note' in fields ? 'annotate' : 'change'
}

/** The fields of a body that the panel can read in this way only: each given once, each a text or null. */
function readFields({ headers, body }: CallToJudge): Record<string, string | null> | null {
  const type = headers['content-type']
  if (typeof type !== 'string' || !plainJson.test(type) || headers['content-encoding'] !== undefined)
    return null
  if (body === null || body.length > longestBody) return null
  const fields = jsonIn(body)
  if (!isObject(fields)) return null
  // Of two fields of one name, readers take the first or the last: count what stands in the text.
  const bare = body
    .toString()
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\s/g, '')
  const written = bare.slice(1, -1).split(',')
  if (written.some((field) => field !== ':' && field !== ':null')) return null
  return written.length === Object.keys(fields).length ? (fields as Record<string, string | null>) : null
}
