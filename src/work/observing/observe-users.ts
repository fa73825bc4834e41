import { isLater, type Ticks } from '../../ledger/counter.ts'
import { asScanSaw } from '../../ledger/scan-sight.ts'
import { judgeGone, judgeUser, mayCountTwice, type SeenUser, type TenureChange } from '../../ledger/tenure.ts'
import { identify } from '../../ledger/user-identity.ts'
import { longestAskedFor, type PanelUser } from '../../panel/panel.ts'
import { lockingAccountsOf, lockOpened, type StoredAccount } from '../../store/accounts/accounts.ts'
import { findingOpenAccounts, openMissingAccounts } from '../../store/accounts/admins.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { type Asked, drawingAnswered } from '../../store/connection/logical-clock.ts'
import { sendTogether } from '../../store/connection/together.ts'
import { transact } from '../../store/connection/transact.ts'
import { saveTenures } from '../../store/tenures/tenure-changes.ts'
import { lockingOpenTenures, lockingTenures, type StoredTenure } from '../../store/tenures/tenures.ts'
import { changeTenures } from './change-tenures.ts'

/** How readings of users are taken. */
export type Taking = {
  /**
   * Where another reading has been accepted that was asked for after this tick, it serves as well, and the user is not dropped.
   * Left out: only these readings serve.
   */
  since?: Asked | undefined
  /** Whether they are from a list: then those are dropped that {@link mayCountTwice}. */
  isList?: boolean
}

/**
 * Stores one answer of the panel about users: each user's reading is accepted, or dropped because it overlapped
 * another observation.
 *
 * @param asked the tick drawn before the panel was asked.
 * @throws `user_unreadable` when a sum would be larger than is kept; nothing is stored then.
 * @returns the names whose readings were dropped. A caller that needs them asks the panel again.
 */
export async function observeUsers(
  db: Database,
  asked: Asked,
  users: readonly PanelUser[],
  taking?: Taking,
): Promise<{ dropped: string[] }> {
  return transact(db, (tx) => observeUsersIn(tx, asked, users, taking))
}

/**
 * What an accepted reading did: whose user it is, under which time of creation it is kept, what it showed, and the bytes it
 * added.
 */
export type AcceptedReading = {
  adminId: bigint | null
  createdAt: string
  /** Bytes. */
  lifetime: bigint
  status: string
  added: bigint
}

/**
 * {@link observeUsers} as part of a transaction that stores more.
 *
 * @returns also what each accepted reading did, by the user's name.
 */
export async function observeUsersIn(
  tx: Tx,
  asked: Asked,
  users: readonly PanelUser[],
  { since, isList = false }: Taking = {},
): Promise<{ dropped: string[]; accepted: Map<string, AcceptedReading> }> {
  const seen = [...new Map(users.map((user) => [user.username, user])).values()]
  const owners = new Map(seen.flatMap(({ owner }) => (owner ? [[owner.username, owner]] : [])))
  const usernames = seen.map(({ username }) => username)
  const [tenures, locked, open, answered] = await sendTogether(tx, [
    lockingTenures(seen),
    lockingAccountsOf(usernames, [...owners.keys()]),
    // Looked for with the accounts locked: one that is open stays so.
    findingOpenAccounts([...owners.keys()]),
    // Drawn with the accounts locked: a scan of one of them that has begun before sees by it that users were read meanwhile.
    drawingAnswered,
  ])
  const ticks = { asked: asked.tick, answered: answered.tick }
  const adminIds = await openMissingAccounts(tx, [...owners.values()], open, ticks)
  const accounts = await lockOpened(tx, locked, adminIds.values())
  const known = groupByName(tenures.map((tenure) => asLastSeen(tenure, accounts)))

  const judged: JudgedUser[] = seen.map((user) => {
    const adminId = user.owner === null ? null : adminIds.get(user.owner.username)
    if (adminId === undefined) return { user, adminId, changes: null }
    const changes = judgeUser(known.get(user.username) ?? [], toSeen(user, adminId, asked), ticks)
    const isDoubtful =
      isList &&
      user.username.length <= longestAskedFor &&
      changes?.some(({ before }) => before && mayCountTwice(before, user))
    return { user, adminId, changes: isDoubtful ? null : changes }
  })
  const readings = judged.flatMap(({ user, changes }) =>
    changes ? [{ changes, ownerUsage: user.owner?.usersUsage ?? null }] : [],
  )
  const stored = await changeTenures(tx, readings, asked, answered.at, accounts)

  const dropped: string[] = []
  const accepted = new Map<string, AcceptedReading>()
  for (const { user, adminId, changes } of judged) {
    const own = changes && stored.has(changes) ? changes.at(-1) : undefined
    if (own) {
      accepted.set(user.username, {
        adminId: own.after.adminId,
        createdAt: own.after.createdAt,
        lifetime: user.lifetimeUsedTraffic,
        status: user.status,
        added: own.after.counted - (own.before?.counted ?? 0n),
      })
      continue
    }
    const other = since && findServing(known.get(user.username) ?? [], user, adminId, { asked, since })
    if (!other) {
      dropped.push(user.username)
      continue
    }
    // What a scan saw is not in the row. Now that it serves as a reading of this user, `markReset` must find it there.
    await saveTenures(tx, [{ before: other, after: other }], { tick: other.asked }, answered.at)
    accepted.set(user.username, { ...other, lifetime: other.reading, added: 0n })
  }
  return { dropped, accepted }
}

/** `adminId`: undefined: of an owner without an account. `changes`: null: the reading was dropped. */
type JudgedUser = {
  user: PanelUser
  adminId: bigint | null | undefined
  changes: TenureChange<StoredTenure>[] | null
}

function toSeen(user: PanelUser, adminId: bigint | null, asked: Asked): SeenUser {
  return {
    username: user.username,
    createdAt: user.createdAt,
    adminId,
    lifetime: user.lifetimeUsedTraffic,
    at: user.toldAt ?? asked.at.getTime(),
    status: user.status,
    dataLimit: user.dataLimit,
    expire: user.expire,
  }
}

/**
 * Ends the open tenures of a user that the panel, asked by name, does not know. What they counted stays.
 *
 * @param asked the tick drawn before the panel was asked.
 * @returns false: another observation, which overlapped this one, has seen the user; the panel has to be asked again.
 */
export async function observeGone(db: Database, asked: Asked, username: string): Promise<boolean> {
  return transact(db, (tx) => endTenuresIn(tx, { username, asked }, 'panel'))
}

/**
 * Users that are gone: all of the name, except those seen again since `asked`; or the one with this `createdAt`, whatever has
 * been stored meanwhile: it does not come back, so that any reading of it is from before.
 */
export type GoneUser = { username: string } & ({ asked: Asked } | { createdAt: string })

/**
 * Ends the open tenures of a user that is known to be gone, as part of a transaction that stores more.
 *
 * @returns whether it ended all of them.
 */
export async function endTenuresIn(tx: Tx, user: GoneUser, by: 'panel' | 'service'): Promise<boolean> {
  const [open, accounts, answered] = await sendTogether(tx, [
    lockingOpenTenures(user.username),
    lockingAccountsOf([user.username]),
    // Drawn with the rows locked: later than any reading of them.
    drawingAnswered,
  ])
  const isMeant = ({ createdAt }: StoredTenure) => 'asked' in user || createdAt === user.createdAt
  const asked = 'asked' in user ? user.asked : answered
  const ticks: Ticks = { asked: asked.tick, answered: answered.tick }
  const meant = open.filter(isMeant).map((tenure) => asLastSeen(tenure, accounts))
  const gone = { changes: judgeGone(meant, ticks, by), ownerUsage: null }
  await changeTenures(tx, [gone], asked, answered.at, accounts)
  return gone.changes.length === meant.length
}

/**
 * A reading of this very user, under this owner, that another reader asked for after `since`: it is as good as the
 * caller's own. None, where the panel has set the counter back since: what came after that is not in it.
 */
function findServing(
  known: readonly StoredTenure[],
  user: PanelUser,
  adminId: bigint | null | undefined,
  { asked, since }: { asked: Asked; since: Asked },
): StoredTenure | undefined {
  if (adminId === undefined) return undefined
  const kept = identify(known, { ...toSeen(user, adminId, asked), asked: asked.tick }).known
  return known.find(
    (tenure) =>
      tenure.createdAt === kept &&
      tenure.adminId === adminId &&
      tenure.endedBy === null &&
      !tenure.resetPending &&
      isLater(tenure.asked, since.tick),
  )
}

/** The tenure as it was seen last, by itself or by a scan of its account. */
export function asLastSeen(tenure: StoredTenure, accounts: ReadonlyMap<bigint, StoredAccount>): StoredTenure {
  return asScanSaw(tenure, accounts.get(tenure.adminId ?? -1n))
}

function groupByName(tenures: readonly StoredTenure[]): Map<string, StoredTenure[]> {
  return Map.groupBy(tenures, (tenure) => tenure.username)
}
