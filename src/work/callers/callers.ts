import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import type { Database } from '../../store/connection/database.ts'
import { digest, sameSecretAs } from './secret.ts'

/**
 * Who is calling. The operator holds the configured key and may do what a sudo admin may. `adminId` is the caller's own
 * account; null: it has none (the operator, and the sudo account of the panel's environment).
 */
export type Caller =
  | { kind: 'operator'; name: 'operator'; isSudo: true; adminId: null; token: null }
  | { kind: 'admin'; name: string; isSudo: boolean; adminId: bigint | null; token: string }

/** The caller's name in the audit trail: an admin of the panel may have any name, so that no name is the operator's. */
export function auditName(caller: Caller): string {
  return caller.kind === 'operator' ? 'api_key' : `admin:${caller.name}`
}

export type Credentials = { apiKey?: string | undefined; bearer?: string | undefined }

export type Callers = {
  /**
   * Whether `credentials` are proven already: the operator's key, or a token that the panel has vouched for before. It
   * says nothing about whether they still are good, and asks nobody.
   */
  recognises(credentials: Credentials): boolean

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

type Remembered = {
  /** When the panel has to be asked again, by `now`. */
  until: number
  /** Whether the panel ever vouched for the token. */
  proven: boolean
  admin: Promise<{ username: string; isSudo: boolean }>
  /** The admin's account as of the last call; null: none was found yet. */
  adminId: bigint | null
}

export function createCallers(options: CallersOptions): Callers {
  const rememberMs = options.rememberMs ?? 10_000
  const remembered = new Map<string, Remembered>()

  const isOperator = options.apiKey === null ? () => false : sameSecretAs(options.apiKey)

  const whoami = (token: string): Remembered => {
    const key = keyOf(token)
    const known = remembered.get(key)
    if (known && known.until > options.now()) return known
    const entry: Remembered = {
      until: options.now() + rememberMs,
      proven: known?.proven ?? false,
      admin: options.panel.whoami(token),
      adminId: null,
    }
    remembered.delete(key)
    if (remembered.size >= rememberedAtMost) {
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    }
    remembered.set(key, entry)
    entry.admin.then(
      () => {
        entry.proven = true
      },
      (error: unknown) => {
        // A panel that is down for a while makes no good token suspicious.
        if (entry.proven && !isLedgerError(error, 'panel_unauthorized')) entry.until = 0
        else if (remembered.get(key) === entry) remembered.delete(key)
      },
    )
    return entry
  }

  return {
    recognises({ apiKey, bearer }) {
      if (apiKey !== undefined) return isOperator(apiKey)
      return bearer !== undefined && remembered.get(keyOf(bearer))?.proven === true
    },

    async identify({ apiKey, bearer }) {
      if (apiKey !== undefined) {
        if (isOperator(apiKey)) return operator
        throw new LedgerError('unauthenticated', 'This X-API-Key is not known here.')
      }
      if (bearer === undefined) {
        throw new LedgerError(
          'unauthenticated',
          'Send the token of a Marzban admin as "Authorization: Bearer ..." or a key as "X-API-Key".',
        )
      }
      const entry = whoami(bearer)
      const admin = await entry.admin.catch((error: unknown) => {
        if (isLedgerError(error, 'panel_unauthorized')) {
          throw new LedgerError('unauthenticated', 'The panel does not know this token; log in again.')
        }
        throw error
      })
      entry.adminId ??= (await findOpenAccount(options.db, admin.username))?.id ?? null
      return {
        kind: 'admin',
        name: admin.username,
        isSudo: admin.isSudo,
        adminId: entry.adminId,
        token: bearer,
      }
    },
  }
}

const operator: Caller = { kind: 'operator', name: 'operator', isSudo: true, adminId: null, token: null }

function keyOf(token: string): string {
  return digest(token).toString('base64')
}
