import { createHash, timingSafeEqual } from 'node:crypto'
import { LedgerError } from '../errors.ts'
import type { PanelClient } from '../panel/types.ts'
import { findOpenAccount } from '../store/account-list.ts'
import type { Database } from '../store/database.ts'

/**
 * Who is calling. The operator holds the configured key and may do what a sudo admin may. `adminId` is the caller's own
 * account; null: it has none (the operator, and the sudo account of the panel's environment).
 */
export type Caller =
  | { kind: 'operator'; name: 'operator'; isSudo: true; adminId: null; token: null }
  | { kind: 'admin'; name: string; isSudo: boolean; adminId: bigint | null; token: string }

export type Credentials = { apiKey?: string | undefined; bearer?: string | undefined }

export type Callers = {
  /**
   * Names the caller behind `credentials`: a key is compared in constant time, a Marzban token is shown to the panel and
   * the answer remembered briefly.
   *
   * @throws `unauthenticated` for no or wrong credentials; a panel error when the panel cannot be asked about a token.
   */
  identify(credentials: Credentials): Promise<Caller>
}

export type CallersOptions = {
  db: Database
  panel: PanelClient
  /** The operator's key; null: none is configured and keys are refused. */
  apiKey: string | null
  now: () => number
  /** For how long the panel's word on a token is believed. */
  rememberMs?: number
}

/** Upper bound of remembered tokens: a flood of them must not grow the memory. */
const rememberedAtMost = 10_000

type Remembered = { until: number; admin: Promise<{ username: string; isSudo: boolean }> }

export function createCallers(options: CallersOptions): Callers {
  const rememberMs = options.rememberMs ?? 10_000
  const remembered = new Map<string, Remembered>()

  const whoami = (token: string): Remembered['admin'] => {
    const key = digest(token).toString('base64')
    const known = remembered.get(key)
    if (known && known.until > options.now()) return known.admin
    const admin = options.panel.whoami(token)
    remembered.delete(key)
    if (remembered.size >= rememberedAtMost) {
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    }
    remembered.set(key, { until: options.now() + rememberMs, admin })
    admin.catch(() => remembered.delete(key))
    return admin
  }

  return {
    async identify({ apiKey, bearer }) {
      if (apiKey !== undefined) {
        // Digests have one length, so that the comparison tells nothing about the key's.
        const matches = options.apiKey !== null && timingSafeEqual(digest(apiKey), digest(options.apiKey))
        if (matches) return { kind: 'operator', name: 'operator', isSudo: true, adminId: null, token: null }
        throw new LedgerError('unauthenticated', 'This X-API-Key is not known here.')
      }
      if (bearer === undefined) {
        throw new LedgerError(
          'unauthenticated',
          'Send the token of a Marzban admin as "Authorization: Bearer ..." or a key as "X-API-Key".',
        )
      }
      const admin = await whoami(bearer).catch((error: unknown) => {
        if (error instanceof LedgerError && error.code === 'panel_unauthorized') {
          throw new LedgerError('unauthenticated', 'The panel does not know this token; log in again.')
        }
        throw error
      })
      const account = await findOpenAccount(options.db, admin.username)
      return {
        kind: 'admin',
        name: admin.username,
        isSudo: admin.isSudo,
        adminId: account?.id ?? null,
        token: bearer,
      }
    },
  }
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
