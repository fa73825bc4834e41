import { isLedgerError, type LedgerError, noAccount } from '../../errors.ts'
import type { AccountView } from '../../store/accounts/queries.ts'
import { mustReadAdmin, type ObservingDeps } from '../observing/observe-admins.ts'
import { createAccountReader, type ReadAccount } from './account-reader.ts'

/** An account, and whether its figures are older than asked for. */
export type FreshAccount = { account: AccountView; stale: boolean }

export type Stats = {
  /**
   * The account of an admin, with figures not older than `maxAgeSeconds` where the panel lets us: the admin's counter is
   * read now if they are, and callers share that request if it was not sent too early for them. When the panel does not
   * answer, the last known figures come back as stale, never an error.
   *
   * @param maxAgeSeconds null: what the collector knows, stale once it has missed several rounds.
   * @throws `not_found` for an id that no account has.
   */
  read(adminId: bigint, maxAgeSeconds: number | null): Promise<FreshAccount>
}

export type StatsOptions = ObservingDeps & {
  pollIntervalSeconds: number
  scanIntervalSeconds: number
  /** A clock that nobody sets, in milliseconds. */
  now: () => number
  /** Called with failures that a caller sees only as `stale`. */
  onFailure: (error: LedgerError) => void
}

/** How many rounds the collector may miss before figures count as stale: one may always be under way. */
const missedRounds = 3

/** A request for an admin's counter; `answered`: whether the panel gave it. */
type Request = { begunAt: number; answered: Promise<boolean> }

/** Reads accounts, renewing them from the panel when a caller asks for more recent figures. */
export function createStats(options: StatsOptions): Stats {
  const { now } = options
  const readAccount = createAccountReader(options.db)
  const requests = new Map<bigint, Request>()

  const renew = async ({ username }: AccountView): Promise<boolean> => {
    try {
      const admin = await mustReadAdmin(options, username)
      return admin === null || (admin.usersUsage !== null && admin.oddUsage === undefined)
    } catch (error) {
      if (!isLedgerError(error)) throw error
      options.onFailure(error)
      return false
    }
  }

  /** A request that was sent too early is waited for: a slow panel must not get one from each caller. */
  const renewTogether = async (account: AccountView, notBefore: number): Promise<boolean> => {
    for (;;) {
      const underWay = requests.get(account.id)
      if (!underWay) break
      const answered = await underWay.answered
      if (!answered || underWay.begunAt >= notBefore) return answered
    }
    const answered = renew(account).finally(() => requests.delete(account.id))
    requests.set(account.id, { begunAt: now(), answered })
    return answered
  }

  return {
    async read(adminId, maxAgeSeconds) {
      const calledAt = now()
      const account = await mustFind(readAccount, adminId)
      if (account.closedAt) return { account, stale: false }
      const ageMs = account.ageMs ?? Number.POSITIVE_INFINITY
      if (maxAgeSeconds === null) {
        const interval = account.hasPanelReading ? options.pollIntervalSeconds : options.scanIntervalSeconds
        return { account, stale: account.panelFailing || ageMs > missedRounds * interval * 1000 }
      }
      // Zero means now. Figures from the future are of any age: the database's clock has been set back since.
      const isRecent = ageMs >= 0 && ageMs <= maxAgeSeconds * 1000
      if (maxAgeSeconds > 0 && isRecent) return { account, stale: false }
      const answered = await renewTogether(account, calledAt - maxAgeSeconds * 1000)
      const renewed = await mustFind(readAccount, adminId)
      // Without a counter in the panel, only a scan renews the account.
      return { account: renewed, stale: !answered || !renewed.hasPanelReading }
    },
  }
}

async function mustFind(readAccount: ReadAccount, adminId: bigint): Promise<AccountView> {
  const account = await readAccount(adminId)
  if (!account) throw noAccount(adminId)
  return account
}
