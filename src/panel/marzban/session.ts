import { LedgerError } from '../../errors.ts'

/** The token of the configured account: kept in memory, renewed when it fails. */
export type Session = {
  /** The current token; without one it logs in. Calls at the same moment share one login. */
  token(): Promise<string>
  /** A token other than `failed`: the current one if it is another already, otherwise that of a new login. */
  renew(failed: string): Promise<string>
  /** The panel did not accept the new token `failed`: until a pause is over, every call fails with `error`. */
  refuse(failed: string, error: LedgerError): void
}

/** What came of a login: a token, or the panel has refused the credentials. */
export type LoginOutcome = { token: string } | { refusal: LedgerError }

export type SessionOptions = {
  /** Throws when the panel has not judged the credentials. */
  login: () => Promise<LoginOutcome>
  /** Milliseconds; only differences matter. */
  now: () => number
  /** Milliseconds without another login after a refusal: a wrong password must not look like an attack. */
  pauseMs?: number
}

export function createSession({ login, now, pauseMs = 30_000 }: SessionOptions): Session {
  let current: string | null = null
  let pending: Promise<string> | null = null
  let refused: { error: LedgerError; until: number } | null = null

  const pause = (error: LedgerError): LedgerError => {
    refused = { error, until: now() + pauseMs }
    return postponed(error, pauseMs)
  }

  const logIn = async (): Promise<string> => {
    const waitMs = refused === null ? 0 : refused.until - now()
    if (refused !== null && waitMs > 0) throw postponed(refused.error, waitMs)
    refused = null
    const outcome = await login()
    if ('refusal' in outcome) throw pause(outcome.refusal)
    current = outcome.token
    return current
  }

  const token = async (): Promise<string> => {
    if (current !== null) return current
    pending ??= logIn().finally(() => {
      pending = null
    })
    return pending
  }

  return {
    token,
    renew(failed) {
      if (current === failed) current = null
      return token()
    },
    refuse(failed, error) {
      if (current === failed) current = null
      pause(error)
    },
  }
}

function postponed({ code, message, forOperator, cause }: LedgerError, waitMs: number): LedgerError {
  return new LedgerError(code, message, { retryAfter: Math.ceil(waitMs / 1000), forOperator, cause })
}
