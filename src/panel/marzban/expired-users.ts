import { isLedgerError, LedgerError } from '../../errors.ts'
import type { ForwardedAnswer, PanelClient } from '../panel.ts'
import type { PanelApi } from '../panel-api.ts'
import { inPanelsForm } from './in-panels-form.ts'
import { texts } from './texts.ts'

/** `DELETE /api/users/expired`; a GET with the same query lists the users that it deletes. */
export const expiredUsers: PanelApi['expiredUsers'] = {
  statuses: ['expired', 'limited'],
  listing({ target, headers }) {
    // Its answer is read here: without a body, and not compressed.
    const kept = Object.entries(headers).filter(([name]) => !/^(content-|accept-encoding$)/.test(name))
    return { method: 'GET', target, headers: Object.fromEntries(kept), body: null }
  },
  namesIn: (answer) => namesIn(answer),
  async answer(names, client, token) {
    if (names.length > 0) return inPanelsForm(200, names)
    return (await saysThatThereAreNone(client, token))
      ? inPanelsForm(404, { detail: texts.noExpiredUsers })
      : inPanelsForm(200, [])
  },
}

function namesIn({ body, plain = body }: ForwardedAnswer): string[] {
  let names: unknown
  try {
    names = JSON.parse(plain.toString())
  } catch {
    names = null
  }
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new LedgerError('panel_bad_answer', 'The answer to GET /api/users/expired is not a list of names.')
}

/** Marzban 0.5 and 0.6 answer an empty list; later releases say that there are none. */
async function saysThatThereAreNone(client: Pick<PanelClient, 'release'>, token: string): Promise<boolean> {
  try {
    return !/^0\.[0-6](?!\d)/.test(await client.release({ token }))
  } catch (error) {
    if (isLedgerError(error)) return true
    throw error
  }
}
