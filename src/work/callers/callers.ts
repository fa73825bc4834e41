import { isLedgerError, LedgerError } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Caller, operator } from './caller.ts'
import { createKeyCallers } from './key-callers.ts'
import { createKeyReader, type KeyReader } from './key-reader.ts'
import { createTokenCache } from './token-cache.ts'

/** What a request proves its caller with. */
export type Credentials = { apiKey?: string | undefined; bearer?: string | undefined }

export type Callers = {
  /** Tells keys from what is meant for the panel. */
  keys: KeyReader

  /**
   * Whether `credentials` were proven before: the operator's key, an API key, or a token that the panel has accepted. They can
   * have expired since then. Sends no request.
   */
  recognises(credentials: Credentials): boolean

  /**
   * The caller behind `credentials`. It compares a key in constant time, and shows a Marzban token to the panel; the
   * answer is remembered for a short time. A key, and what is meant as one, is never shown to the panel.
   *
   * @throws `unauthenticated` for no or wrong credentials; `forbidden` for the key of an admin that is gone; the panel's
   *   errors when it cannot say whose token it is.
   */
  identify(credentials: Credentials): Promise<Caller>
}

export type CallersOptions = {
  db: Database
  panel: PanelClient
  /** The operator's key; null: none is configured, and every key is refused. */
  apiKey: string | null
  now: () => number
  /** Milliseconds for which the panel's answer about a token counts. */
  rememberMs?: number
}

export function createCallers({ db, panel, apiKey, now, rememberMs = 10_000 }: CallersOptions): Callers {
  const tokens = createTokenCache({ panel, now, rememberMs })
  const keyCallers = createKeyCallers(db)
  const keys = createKeyReader(apiKey)
  /** Undefined: there is none. */
  const keyIn = ({ apiKey: key, bearer }: Credentials) =>
    key ?? (bearer !== undefined && keys.isMeantAsKey(bearer) ? bearer : undefined)

  return {
    keys,

    recognises(credentials) {
      const key = keyIn(credentials)
      if (key !== undefined) return keys.isOperatorKey(key) || keyCallers.isProven(key)
      return credentials.bearer !== undefined && tokens.isProven(credentials.bearer)
    },

    async identify(credentials) {
      const key = keyIn(credentials)
      if (key !== undefined) return keys.isOperatorKey(key) ? operator : keyCallers.callerOf(key)
      const { bearer: token } = credentials
      if (token === undefined) {
        throw new LedgerError(
          'unauthenticated',
          'Send the token of a Marzban admin as "Authorization: Bearer ..." or an API key as "X-API-Key".',
        )
      }
      const admin = await tokens.adminOf(token).catch((error: unknown) => {
        if (!isLedgerError(error, 'panel_unauthorized')) throw error
        throw new LedgerError('unauthenticated', 'The panel does not know this token; log in again.')
      })
      admin.adminId ??= (await findOpenAccount(db, admin.username))?.id ?? null
      return {
        kind: 'admin',
        name: admin.username,
        isSudo: admin.isSudo,
        adminId: admin.adminId,
        token,
      }
    },
  }
}
