import { isLedgerError, LedgerError } from '../../errors.ts'
import { detailOf, parseJson } from './answer-errors.ts'
import type { AuthorisedCalls } from './authorised-call.ts'
import { isObject } from './decode.ts'
import { namedPath } from './named-path.ts'
import { namelessAdmin } from './nameless-admin.ts'
import { adminsAnswer, usageAnswer } from './schemas.ts'
import { texts } from './texts.ts'

/**
 * Whether the panel has an admin of exactly this name. Only the panel's own words prove that it has none: its 404 for the
 * name, or its whole list without the name, in which each admin has one. An empty list does not prove it where the panel could
 * have answered the 404: the list may come from a proxy.
 *
 * @throws the panel's errors: then nothing is known.
 */
export async function hasAdmin(calls: AuthorisedCalls, username: string): Promise<boolean> {
  const usage = await askForUsage(calls, username)
  if (usage === 'no such admin') return false
  const request = { method: 'GET', path: '/api/admins', freshConnection: true } as const
  const listed = await calls.ask(request, adminsAnswer)
  const named = listed.filter(hasName)
  if (named.some((admin) => admin.username === username)) return true
  // One odd admin does not matter. A list without any admin is not the panel's.
  const isPanels = named.some((admin) => typeof admin.is_sudo === 'boolean')
  if (!isPanels && (usage === 'known' || listed.length > 0)) {
    throw new LedgerError('panel_bad_answer', 'The answer to GET /api/admins lists no admins.')
  }
  if (named.length < listed.length) throw namelessAdmin()
  return false
}

function hasName(item: unknown): item is { username: string; is_sudo?: unknown } {
  return isObject(item) && typeof item.username === 'string'
}

/** `unasked`: Marzban before 0.8 does not have this path, and no path can carry some names. */
async function askForUsage(
  calls: AuthorisedCalls,
  username: string,
): Promise<'no such admin' | 'known' | 'unasked'> {
  const path = pathOf(username)
  if (path === null) return 'unasked'
  const { answer, error } = await calls.attempt({ method: 'GET', path, freshConnection: true })
  if (answer?.status === 200 && usageAnswer.Check(parseJson(answer))) return 'known'
  const detail = answer?.status === 404 ? detailOf(answer) : null
  if (detail === texts.noSuchAdmin) return 'no such admin'
  if (detail === texts.noSuchPath) return 'unasked'
  throw error
}

function pathOf(username: string): string | null {
  try {
    return namedPath('/api/admin/usage', username)
  } catch (error) {
    if (isLedgerError(error, 'invalid_request')) return null
    throw error
  }
}
