import { isLedgerError } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'
import { digest } from './secret.ts'

/** The admin behind a token. Its account is found later and kept here: most calls then need no query for it. */
export type TokenAdmin = { readonly username: string; readonly isSudo: boolean; adminId: bigint | null }

/** Remembers, for a short time, what the panel says about tokens. */
export type TokenCache = {
  /** Whether the panel has ever accepted `token`. It can have expired since then. Sends no request. */
  isProven(token: string): boolean
  /**
   * The admin of `token`; asks the panel when its last answer is too old.
   *
   * @throws the panel's errors; `panel_unauthorized` when the panel does not know the token.
   */
  adminOf(token: string): Promise<TokenAdmin>
}

export type TokenCacheOptions = {
  panel: Pick<PanelClient, 'whoami'>
  /** Milliseconds; nobody sets this clock. */
  now: () => number
  /** Milliseconds for which an answer of the panel counts. */
  rememberMs: number
}

/** A flood of tokens must not fill the memory. */
const rememberedAtMost = 10_000

type Remembered = {
  /** When the panel must be asked again, by `now`. */
  until: number
  isProven: boolean
  admin: Promise<TokenAdmin>
}

export function createTokenCache({ panel, now, rememberMs }: TokenCacheOptions): TokenCache {
  const remembered = new Map<string, Remembered>()

  const ask = async (token: string): Promise<TokenAdmin> => {
    const { username, isSudo } = await panel.whoami(token)
    return { username, isSudo, adminId: null }
  }

  const remember = (key: string, entry: Remembered): void => {
    remembered.delete(key)
    if (remembered.size >= rememberedAtMost) {
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    }
    remembered.set(key, entry)
  }

  return {
    isProven: (token) => remembered.get(keyOf(token))?.isProven === true,

    adminOf(token) {
      const key = keyOf(token)
      const known = remembered.get(key)
      if (known && known.until > now()) return known.admin
      const entry: Remembered = {
        until: now() + rememberMs,
        isProven: known?.isProven ?? false,
        admin: ask(token),
      }
      remember(key, entry)
      entry.admin.then(
        () => {
          entry.isProven = true
        },
        (error: unknown) => {
          // A good token stays good while the panel is down.
          if (entry.isProven && !isLedgerError(error, 'panel_unauthorized')) entry.until = 0
          else if (remembered.get(key) === entry) remembered.delete(key)
        },
      )
      return entry.admin
    },
  }
}

function keyOf(token: string): string {
  return digest(token).toString('base64')
}
