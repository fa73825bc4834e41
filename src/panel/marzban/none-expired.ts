import { isLedgerError } from '../../errors.ts'
import type { ForwardedAnswer, PanelClient } from '../panel.ts'

/** The answer of this panel's release to `DELETE /api/users/expired` when there is nobody to delete. */
export async function noneExpired(
  panel: Pick<PanelClient, 'release'>,
  token: string,
): Promise<ForwardedAnswer> {
  return (await saysSo(panel, token))
    ? json(404, { detail: 'No expired users found in the specified date range' })
    : json(200, [])
}

/** Marzban 0.5 and 0.6 answer an empty list; later ones say that there is nobody. */
async function saysSo(panel: Pick<PanelClient, 'release'>, token: string): Promise<boolean> {
  try {
    return !/^0\.[0-6](?!\d)/.test(await panel.release({ token }))
  } catch (error) {
    if (isLedgerError(error)) return true
    throw error
  }
}

function json(status: number, body: unknown): ForwardedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }
}
