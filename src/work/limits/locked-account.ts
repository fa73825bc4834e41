import { accountIsClosed, LedgerError, noAccount } from '../../errors.ts'
import { lockAccounts, type StoredAccount } from '../../store/accounts/accounts.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { drawAnswered } from '../../store/connection/logical-clock.ts'
import { type RunningLimit, readLimits } from '../../store/limits/limits.ts'
import { judgeLimits } from './judge.ts'

/** An account whose limit is to be changed: locked, with the limit as it is now; null: it has none. */
export type LockedAccount = { account: StoredAccount; running: RunningLimit | null; at: Date }

/** The versions of a limit that a caller wants to change; `any`: there must be one; null: whatever there is. */
export type Expected = readonly string[] | 'any' | null

/**
 * Locks an account to change its limit, and first closes the periods that have ended.
 *
 * @throws `not_found` for an id that no account has.
 */
export async function lockForLimit(tx: Tx, adminId: bigint): Promise<LockedAccount> {
  const account = (await lockAccounts(tx, [adminId])).get(adminId)
  if (!account) throw noAccount(adminId)
  const { at } = await drawAnswered(tx)
  if (account.judgeTime !== null && account.judgeTime <= at) await judgeNow(tx, account, at)
  return { account, running: await readLimit(tx, adminId), at }
}

/** @throws `conflict` when the account is closed: nobody uses any more what it is allowed. */
export async function refuseIfClosed(tx: Tx, adminId: bigint): Promise<void> {
  const view = await findAccount(tx, adminId)
  if (view?.closedAt) throw accountIsClosed(adminId)
}

/** @throws `conflict` when the account is closed, or is a sudo admin's: the panel lets a sudo admin do everything. */
export async function refuseUnlessHoldable(tx: Tx, adminId: bigint, field?: string): Promise<void> {
  await refuseIfClosed(tx, adminId)
  const view = await findAccount(tx, adminId)
  if (!view?.isSudo) return
  const detail = `The users of ${view.username} cannot be held: it is a sudo admin, and the panel refuses it nothing.`
  throw new LedgerError('conflict', detail, { field })
}

/**
 * @param hint what it means for the caller that there is no limit, as the end of a sentence.
 * @throws `precondition_failed` unless the limit has a version that the caller expects.
 */
export function checkVersion(running: RunningLimit | null, expected: Expected, hint: string): void {
  if (expected === null) return
  if (running && (expected === 'any' || expected.includes(String(running.limit.version)))) return
  const detail = running
    ? `The limit has the version "${running.limit.version}" now; read it again.`
    : `The account has no limit; ${hint}.`
  throw new LedgerError('precondition_failed', detail, { field: 'if-match' })
}

/** Judges an account whose total does not change. */
export async function judgeNow(tx: Tx, account: StoredAccount, at: Date, closeNow = false): Promise<void> {
  await judgeLimits(tx, [{ ...account, totalBefore: account.total }], at, closeNow)
}

/** The limit of an account and how it stands; null: it has none. */
export async function readLimit(db: Database, adminId: bigint): Promise<RunningLimit | null> {
  return (await readLimits(db, [adminId])).get(adminId) ?? null
}

/** @throws `not_found` for an id that no account has. */
export async function requireAccount(db: Database, adminId: bigint): Promise<void> {
  if (!(await findAccount(db, adminId))) throw noAccount(adminId)
}

/** @throws `not_found` when the account has no limit. */
export function requireLimit(running: RunningLimit | null, adminId: bigint): RunningLimit {
  if (running) return running
  const detail = `The account ${adminId} has no limit; PUT /admins/${adminId}/limit sets one.`
  throw new LedgerError('not_found', detail)
}
