import { LedgerError } from '../../errors.ts'
import { type AccountEffect, applyEffect, effectsOf, fitsAccount, fitsTenure } from '../../ledger/account.ts'
import { type Suspicion, suspicionOfUser } from '../../ledger/suspicion.ts'
import { isOutdated, type TenureChange, type UserKey } from '../../ledger/tenure.ts'
import type { StoredAccount } from '../../store/accounts/accounts.ts'
import type { ChangedCreation } from '../../store/connection/changed-creations.ts'
import type { Tx } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { finishUnanswered, followCreations } from '../../store/deletions/unsettled-deletions.ts'
import { followHeld } from '../../store/holds/held-users.ts'
import { saveTenures } from '../../store/tenures/tenure-changes.ts'
import type { StoredTenure } from '../../store/tenures/tenures.ts'
import { changeAccounts } from './change-accounts.ts'

/** What one user's reading changes. */
export type JudgedReading = {
  /** The user's own tenure comes last. */
  changes: TenureChange<StoredTenure>[]
  /** The `users_usage` of the user's owner in the same answer, in bytes; null: the panel keeps none. */
  ownerUsage: bigint | null
}

/**
 * Stores what users' readings change in their tenures and accounts, each user's as a whole or not at all.
 *
 * @param accounts the accounts of all these tenures, which the transaction has locked.
 * @returns the changes of each user that were stored. The others came too late (see {@link isOutdated}).
 * @throws `user_unreadable` when a sum would be larger than is kept.
 */
export async function changeTenures(
  tx: Tx,
  readings: readonly JudgedReading[],
  asked: Asked,
  at: Date,
  accounts: ReadonlyMap<bigint, StoredAccount>,
): Promise<Set<TenureChange<StoredTenure>[]>> {
  // The accounts are locked: no scan of them completes before this transaction commits.
  const scanned = (adminId: bigint) => accounts.get(adminId)?.scanned ?? 0n
  const stored = readings.filter(({ changes }) => !isOutdated(changes, asked.tick, scanned))
  const changes = stored.flatMap((reading) => reading.changes)
  if (!changes.every(({ after }) => fitsTenure(after))) throw tooLarge()
  await saveTenures(tx, changes, asked, at)

  const effects = [...touched(effectsOf(changes))]
  const accountChanges = effects.flatMap(([adminId, effect]) => {
    const before = accounts.get(adminId)
    return before ? [{ before, after: applyEffect(before, effect), readAt: null }] : []
  })
  if (!accountChanges.every(({ after }) => fitsAccount(after))) throw tooLarge()
  const users = effects.flatMap(([adminId, effect]) =>
    [...effect.users].map(([status, by]) => ({ adminId, status, by })),
  )
  const suspicions = stored.flatMap((reading) => suspicionOf(reading, accounts) ?? [])
  await changeAccounts(tx, { accounts: accountChanges, users, suspicions }, at)
  const changedCreations = changes.flatMap(changedCreationOf)
  await followCreations(tx, changedCreations)
  await followHeld(tx, changedCreations)
  await finishUnanswered(tx, changes.flatMap(goneOf))
  return new Set(stored.map((reading) => reading.changes))
}

function suspicionOf(
  { changes, ownerUsage }: JudgedReading,
  accounts: ReadonlyMap<bigint, StoredAccount>,
): Suspicion | null {
  const own = changes.at(-1)
  const account = accounts.get(own?.after.adminId ?? -1n)
  return own && account ? suspicionOfUser(own, account, ownerUsage) : null
}

/** Accounts in which something changes, and those where users appear, even if the sums stay as they are. */
function touched(effects: Map<bigint, AccountEffect>): Map<bigint, AccountEffect> {
  return new Map(
    [...effects].filter(
      ([, effect]) =>
        effect.appearances > 0 ||
        effect.counted !== 0n ||
        effect.preserved !== 0n ||
        [...effect.users.values()].some(Boolean),
    ),
  )
}

/** No panel counts so far by itself: its numbers were changed. */
function tooLarge(): LedgerError {
  return new LedgerError(
    'user_unreadable',
    'With its lifetime_used_traffic, what its admin has consumed would be more than 2^63 - 1 bytes. Mend the user in the ' +
      'panel; or a sudo admin deletes it with preserve_traffic=false, which keeps what was counted before.',
  )
}

/** The user whose tenure ended because the panel does not have it any more. */
function goneOf({ before, after }: TenureChange<StoredTenure>): UserKey[] {
  const isNews = before === null || before.endedBy === null
  return isNews && (after.endedBy === 'panel' || after.endedBy === 'service') ? [after] : []
}

function changedCreationOf({ before, after }: TenureChange<StoredTenure>): ChangedCreation[] {
  if (before === null || before.createdAt === after.createdAt) return []
  return [{ username: after.username, from: before.createdAt, to: after.createdAt }]
}
