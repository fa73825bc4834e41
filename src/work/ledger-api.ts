import type { AccountPage, AccountView } from '../store/accounts/queries.ts'
import { findAccount, listAccounts } from '../store/accounts/queries.ts'
import { type AuditPage, type AuditRow, listAudit } from '../store/audit/audit.ts'
import { requestScans } from '../store/collecting/scans.ts'
import type { Database } from '../store/connection/database.ts'
import { type ListedTenure, listTenures } from '../store/tenures/tenure-list.ts'
import type { Stats } from './accounts/stats.ts'
import { type ApiKeys, createApiKeys } from './callers/api-keys.ts'
import type { Callers } from './callers/callers.ts'
import { type CollectorStatus, readCollectorStatus } from './collecting/collector-status.ts'
import type { Failure } from './collecting/failure-log.ts'
import { createReadiness, type Readiness } from './collecting/readiness.ts'
import type { Deletions } from './deleting/deletions.ts'
import { createHolds, type Holds } from './holding/operator-hold.ts'
import { createLimits, type Limits } from './limits/limits.ts'
import { requestObservation } from './observing/request-observation.ts'

export type Page<Item, Cursor> = { items: Item[]; next: Cursor | null }

/** What the HTTP side calls: everything the service does for a caller. */
export type LedgerApi = {
  callers: Callers
  stats: Stats
  /** One account, open or closed; null when no account has the id. */
  account(adminId: bigint): Promise<AccountView | null>
  accounts(page: AccountPage): Promise<Page<AccountView, { key: string; id: bigint }>>
  tenures(page: Parameters<typeof listTenures>[1]): Promise<Page<ListedTenure, bigint>>
  deletions: Deletions
  limits: Limits
  holds: Holds
  keys: ApiKeys
  audit(page: AuditPage): Promise<Page<AuditRow, bigint>>
  sync(): Promise<CollectorStatus>
  /** Background work of this replica that fails now. Needs no database. */
  failures(): Failure[]
  /**
   * Makes a poll and the scans of all accounts due now; the work itself is done by whichever replica is free.
   *
   * @returns when that was, by the database's clock.
   */
  requestSync(): Promise<Date>
  /** Asks for a reading of users soon, durably. A user that the panel does not have is found gone. */
  requestObservation(usernames: readonly string[]): Promise<void>
  /** Throws `database_unavailable` when the database does not answer. */
  readiness(): Promise<Readiness>
}

export type LedgerApiDeps = {
  db: Database
  callers: Callers
  stats: Stats
  deletions: Deletions
  /** Background work that fails now; left out: this service does none. */
  failures?: () => Failure[]
  /** Makes a poll of the panel due now. */
  requestPoll: () => Promise<void>
  /** A clock that nobody sets, in milliseconds. */
  now: () => number
}

export function createLedgerApi(options: LedgerApiDeps): LedgerApi {
  const { db, callers, stats, deletions, requestPoll, now, failures = () => [] } = options
  return {
    callers,
    stats,
    deletions,
    limits: createLimits({ db }),
    holds: createHolds({ db }),
    keys: createApiKeys({ db }),
    audit: (page) => listAudit(db, page),
    account: (adminId) => findAccount(db, adminId),
    accounts: async (page) => {
      const { accounts, next } = await listAccounts(db, page)
      return { items: accounts, next }
    },
    tenures: async (page) => {
      const { tenures, next } = await listTenures(db, page)
      return { items: tenures, next }
    },
    sync: () => readCollectorStatus(db),
    failures,
    requestSync: async () => {
      const at = await requestScans(db)
      await requestPoll()
      return at
    },
    requestObservation: (usernames) => requestObservation(db, usernames),
    readiness: createReadiness({ db, now }),
  }
}
