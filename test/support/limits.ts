import { sql } from 'kysely'
import { beforeEach } from 'vitest'
import { applyPanelReading, completeScan } from '../../src/ledger/account.ts'
import { lockAccounts } from '../../src/store/accounts/accounts.ts'
import { openMissingAccounts } from '../../src/store/accounts/admins.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAnswered } from '../../src/store/connection/logical-clock.ts'
import { transact } from '../../src/store/connection/transact.ts'
import type { LimitRequest } from '../../src/work/limits/limit-request.ts'
import { createLimits, type Limits } from '../../src/work/limits/limits.ts'
import type { SetLimit } from '../../src/work/limits/set-limit.ts'
import { changeAccounts } from '../../src/work/observing/change-accounts.ts'
import { useLedger } from './ledger.ts'

export const dayMs = 86_400_000

/** A request for a limit; `over`: what is not as usual. */
export function limitOf(trafficLimit: bigint | null, over: Partial<LimitRequest> = {}): SetLimit {
  const request: LimitRequest = {
    trafficLimit,
    countFrom: null,
    period: null,
    carryOver: 'none',
    validUntil: null,
    warnAt: [],
    onExceed: 'notify',
    ...over,
  }
  return { request, expected: null, isDryRun: false, by: 'api_key' }
}

export const daily: LimitRequest['period'] = { unit: 'day', anchorDay: null, timezone: 'UTC' }

/** Opens the account of an admin; its opening balance stays open. */
export async function createAccount(db: Database, username: string): Promise<bigint> {
  const ids = await transact(db, async (tx) => {
    const { tick } = await drawAnswered(tx)
    return openMissingAccounts(tx, [{ username, isSudo: false }], new Map(), { asked: tick, answered: tick })
  })
  return ids.get(username) ?? 0n
}

/** Books what an account has grown by, as a reading of the admin's counter does. */
export async function grow(db: Database, adminId: bigint, bytes: bigint, at?: Date): Promise<void> {
  await change(db, adminId, at, (before, tick) => {
    const reading = (before.panelReading ?? 0n) + bytes
    return applyPanelReading(before, reading, { asked: tick, answered: tick }, true) ?? before
  })
}

/** Closes the opening balance of an account, as its first complete scan does. */
export async function closeOpening(db: Database, adminId: bigint): Promise<void> {
  await change(db, adminId, undefined, (before, tick, at) =>
    completeScan(before, { begun: tick, ended: tick, seenAt: null, panelBefore: before, at: at.getTime() }),
  )
}

type Account = Parameters<typeof changeAccounts>[1]['accounts'][number]['before']

async function change(
  db: Database,
  adminId: bigint,
  given: Date | undefined,
  act: (before: Account, tick: bigint, at: Date) => Account,
): Promise<void> {
  await transact(db, async (tx) => {
    const before = (await lockAccounts(tx, [adminId])).get(adminId)
    if (!before) throw new Error(`no account ${adminId}`)
    const { tick, at } = await drawAnswered(tx)
    const after = act(before, tick, given ?? at)
    await changeAccounts(tx, { accounts: [{ before, after, readAt: null }] }, given ?? at)
  })
}

/** Lets days pass: what is stored of the limit becomes so much older. */
export async function passDays(db: Database, adminId: bigint, days: number): Promise<void> {
  await transact(db, async (tx) => {
    await lockAccounts(tx, [adminId])
    await sql`
      update limit_periods set starts_at = starts_at - make_interval(days => ${days}),
        ends_at = ends_at - make_interval(days => ${days}) where admin_id = ${adminId}`.execute(tx)
    await sql`
      update cumulative_traffic set judge_time = judge_time - make_interval(days => ${days})
      where admin_id = ${adminId}`.execute(tx)
    await sql`
      update limits set valid_until = valid_until - make_interval(days => ${days})
      where admin_id = ${adminId}`.execute(tx)
  })
}

/** What was announced of an account, in its order: `warned 80`, `exceeded 100`. */
export async function announced(db: Database, adminId: bigint): Promise<string[]> {
  const { rows } = await sql<{ said: string }>`
    select substr(type, 7) || ' ' || (payload ->> 'threshold') as said from events
    where admin_id = ${adminId} and payload ? 'threshold' order by id`.execute(db)
  return rows.map(({ said }) => said)
}

/** A limited account of its own for each test of the file that calls this: read completely, with 1,000 bytes of the past. */
export function useLimitedAccount() {
  const ledger = useLedger()
  let count = 0
  const account = {
    ledger,
    id: 0n,
    limits: {} as Limits,
    use: (bytes: bigint, at?: Date) => grow(ledger.db, account.id, bytes, at),
    said: () => announced(ledger.db, account.id),
    status: async () => (await account.limits.read(account.id)).status,
    page: () => ({ adminId: account.id, before: null, limit: 100 }),
    /** The first period first. */
    periods: async () => (await account.limits.periods(account.page())).items.toReversed(),
    used: async () =>
      (await account.periods()).map(
        ({ totalAtStart, totalAtEnd }) => (totalAtEnd ?? 0n) - (totalAtStart ?? 0n),
      ),
  }
  beforeEach(async () => {
    count += 1
    account.limits = createLimits(ledger)
    account.id = await createAccount(ledger.db, `ada${count}`)
    await grow(ledger.db, account.id, 1_000n)
    await closeOpening(ledger.db, account.id)
  })
  return account
}
