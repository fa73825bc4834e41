import { isLedgerError, LedgerError } from '../../errors.ts'
import { detailOf, parseJson } from './answer-errors.ts'
import type { Calls } from './authorised-call.ts'
import { isObject } from './decode.ts'
import { namedPath } from './named-path.ts'
import { adminsAnswer, usageAnswer } from './schemas.ts'
import { texts } from './texts.ts'

/**
 * Whether the panel has an admin of exactly this name. Only the panel's own words prove that it has none: its 404 for the
 * name, or its whole list without it. An empty list proves nothing where the panel could have said so: somebody else may
 * have answered.
 *
 * @throws the panel's errors; nothing is known then.
 */
export async function hasAdmin(calls: Calls, username: string): Promise<boolean> {
  const usage = await askForUsage(calls, username)
  if (usage === 'no such admin') return false
  const request = { method: 'GET', path: '/api/admins', freshConnection: true } as const
  const listed = await calls.ask(request, adminsAnswer)
  const admins = listed.filter(isAdmin)
  // An odd admin among others spoils only itself; a list in which nobody is an admin is somebody else's.
  if (admins.length === 0 && (usage === 'known' || listed.length > 0)) {
    throw new LedgerError('panel_bad_answer', 'What answers GET /api/admins lists no admins.')
  }
  return admins.some((admin) => admin.username === username)
}

function isAdmin(item: unknown): item is { username: string } {
  return isObject(item) && typeof item.username === 'string' && typeof item.is_sudo === 'boolean'
}

/** `unasked`: Marzban before 0.8 has no such path, and some names fit into none. */
async function askForUsage(calls: Calls, username: string): Promise<'no such admin' | 'known' | 'unasked'> {
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
