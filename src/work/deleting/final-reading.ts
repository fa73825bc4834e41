import { isLedgerError, LedgerError } from '../../errors.ts'
import { identify as identifyUser, isSameCreation } from '../../ledger/user-identity.ts'
import type { PanelUser, UnreadableUser } from '../../panel/panel.ts'
import { lockingAccountsOf } from '../../store/accounts/accounts.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import { type Later, sendTogether } from '../../store/connection/together.ts'
import { transact } from '../../store/connection/transact.ts'
import type { UserDeletion } from '../../store/deletions/deletion.ts'
import { beginUserDeletion, insertUserDeletion, type StoredReading } from '../../store/deletions/deletions.ts'
import { listTenuresOf, lockingOpenTenures, type StoredTenure } from '../../store/tenures/tenures.ts'
import { auditName, type Caller } from '../callers/caller.ts'
import { may, type Owned } from '../callers/may.ts'
import { asLastSeen, observeGone, observeUsersIn } from '../observing/observe-users.ts'
import { retryOverlapped } from '../observing/retry-overlapped.ts'
import { claimReceipt } from './claim.ts'
import { type Look, shownBy } from './outcome.ts'
import { asCaller, type DeletionDeps, type UserDeletionRequest } from './request.ts'

/** The result of everything before the deletion is sent. `absent`: the panel does not have this user. */
export type Opening =
  | { kind: 'opened'; receipt: UserDeletion }
  | { kind: 'absent' }
  | { kind: 'declined'; error: LedgerError }

/** An opening in a transaction that is not committed yet. `receipt` null then: the deletion has ended meanwhile. */
type Begun = { kind: 'begun'; receipt: Later<UserDeletion | null> } | Extract<Opening, { kind: 'declined' }>

const absent = { kind: 'absent' } as const
const declined = (error: LedgerError) => ({ kind: 'declined', error }) as const

/** Reads the user, and stores the reading together with the receipt. A new user of the same name is another user. */
export async function openWithReading(
  deps: DeletionDeps,
  request: UserDeletionRequest,
  known: UserDeletion | null,
): Promise<Opening> {
  const { db, panel } = deps
  return retryOverlapped(
    db,
    `User ${request.username}`,
    async (asked, since): Promise<Opening | undefined> => {
      const user = await panel.user(request.username, asCaller(request))
      if (user === null) return (await observeGone(db, asked, request.username)) ? absent : undefined
      if (await isAnother(db, known, user, asked)) return absent
      const worker = await deps.worker.id()
      const begun = await transact(db, (tx) =>
        storeReading(tx, { deps, request, known, asked, since, user, worker }),
      )
      return begun && committed(begun, request)
    },
  )
}

type Reading = {
  deps: DeletionDeps
  request: UserDeletionRequest
  known: UserDeletion | null
  asked: Asked
  /** Another reading after this tick serves as well; undefined: none does. */
  since: Asked | undefined
  user: PanelUser
  worker: string
}

/** Undefined: the reading was dropped, and must be repeated. */
async function storeReading(tx: Tx, taken: Reading): Promise<Begun | undefined> {
  const { request, user } = taken
  const { accepted } = await observeUsersIn(tx, taken.asked, [user], { since: taken.since })
  const reading = accepted.get(user.username)
  if (!reading) return undefined
  if (!(await mayDelete(tx, request.caller, reading))) {
    return declined(new LedgerError('forbidden', `User ${user.username} belongs to another admin.`))
  }
  const refusal = refusalOf(request, { ...reading, username: user.username })
  if (refusal) return declined(refusal)
  const { username } = user
  const { createdAt } = reading
  return openReceipt(tx, { ...taken, username, createdAt, isSure: true, reading: { ...reading, username } })
}

/** Whether the caller may delete users of this owner, as the accepted reading shows it. */
async function mayDelete(tx: Tx, caller: Caller, { adminId }: Owned): Promise<boolean> {
  if (may(caller, 'delete user', { adminId })) return true
  // The panel has just confirmed the caller's name. This reading, or an earlier one, may have opened a new account for it.
  if (caller.kind === 'operator' || caller.token === null) return false
  const account = await findOpenAccount(tx, caller.name)
  return account !== null && may({ ...caller, adminId: account.id }, 'delete user', { adminId })
}

/** Why the request does not mean this user; null: it does. */
function refusalOf(
  { onlyStatuses }: UserDeletionRequest,
  user: { username: string; status: string },
): LedgerError | null {
  if (!onlyStatuses || onlyStatuses.includes(user.status)) return null
  const wanted = onlyStatuses.join(' or ')
  return new LedgerError(
    'not_found',
    `User ${user.username} is ${user.status} now; only users that are ${wanted} were to be deleted.`,
  )
}

/**
 * Opens the receipt without a final reading. The panel is still asked which user it is, so that the right tenure ends. If
 * that cannot be read, it is the user of this name that the ledger knows. The owner may stay unknown, so only a caller that
 * may delete any user gets here.
 */
export async function openUnread(
  deps: DeletionDeps,
  request: UserDeletionRequest,
  known: UserDeletion | null,
): Promise<Opening> {
  const { db } = deps
  if (!may(request.caller, 'lose unread traffic', null)) {
    const message = `User ${request.username} cannot be deleted without a final reading by this caller.`
    return declined(new LedgerError('forbidden', message))
  }
  return retryOverlapped(db, `User ${request.username}`, async (asked): Promise<Opening | undefined> => {
    const user = await identify(deps, request)
    if (user === null) return (await observeGone(db, asked, request.username)) ? absent : undefined
    if (await isAnother(db, known, user, asked)) return absent
    const worker = await deps.worker.id()
    const username = 'unreadable' in user ? request.username : user.username
    const begun = await transact(db, async (tx) => {
      const [named, accounts] = await sendTogether(tx, [
        lockingOpenTenures(username),
        lockingAccountsOf([username]),
      ])
      const open = named.map((tenure) => asLastSeen(tenure, accounts))
      const createdAt = 'unreadable' in user ? likelyCreation(open, user) : keptCreation(open, user, asked)
      const isSure = user.createdAt !== null
      return openReceipt(tx, { deps, request, worker, username, createdAt, isSure, reading: null })
    })
    return committed(begun, request)
  })
}

/** When the panel shows no time of creation: that of the user that the ledger knows by this name. */
function likelyCreation([open]: readonly StoredTenure[], { createdAt }: UnreadableUser): string | null {
  if (createdAt === null) return open?.createdAt ?? null
  return open && isSameCreation(open.createdAt, createdAt) ? open.createdAt : createdAt
}

/** The time of creation of the user's tenure so far, or the one that its first tenure will have. */
function keptCreation(open: readonly StoredTenure[], user: PanelUser, asked: Asked): string {
  const at = user.toldAt ?? asked.at.getTime()
  const { createdAt, lifetimeUsedTraffic: lifetime } = user
  const identity = identifyUser(open, { createdAt, lifetime, at, asked: asked.tick })
  return identity.known ?? identity.createdAt
}

async function identify({ panel }: DeletionDeps, request: UserDeletionRequest): Promise<Look> {
  // A panel on MySQL ignores spaces at the end: the ledger would not know which user it deletes.
  if (request.username.endsWith(' ')) return panel.user(request.username, asCaller(request))
  try {
    return await panel.lookAtUser(request.username, asCaller(request))
  } catch (error) {
    if (!isLedgerError(error, 'panel_failed', 'panel_bad_answer')) throw error
    return { unreadable: error, createdAt: null }
  }
}

async function isAnother(
  db: Database,
  known: UserDeletion | null,
  user: PanelUser | UnreadableUser,
  asked: Asked,
): Promise<boolean> {
  if (known === null) return false
  const tenures = await listTenuresOf(db, known.username)
  return shownBy(user, known.createdAt, tenures, asked) === 'another user'
}

type NewReceipt = Pick<Reading, 'deps' | 'request' | 'worker'> & {
  username: string
  createdAt: string | null
  /** Whether the panel itself has shown this time of creation. */
  isSure: boolean
  /** Null: without a final reading. */
  reading: StoredReading | null
}

/** Opens the receipt of this request; this service works on it from now on. */
async function openReceipt(tx: Tx, opened: NewReceipt): Promise<Begun> {
  const { request, username, createdAt, isSure, worker, reading } = opened
  const error = await claimReceipt(tx, {
    target: { username },
    what: `User ${username}`,
    createdAt,
    isSure,
    graceMs: opened.deps.graceMs,
  })
  if (error) return declined(error)
  const { caller, preserveTraffic, receiptId } = request
  const requestedBy = auditName(caller)
  const receipt =
    receiptId === null
      ? await insertUserDeletion(tx, { username, createdAt, requestedBy, preserveTraffic, worker, reading })
      : await beginUserDeletion(tx, receiptId, { worker, reading })
  return { kind: 'begun', receipt }
}

/** The opening, once it is on disk. */
function committed(begun: Begun, { username, receiptId }: UserDeletionRequest): Opening {
  if (begun.kind === 'declined') return begun
  const receipt = begun.receipt.result()
  if (receipt) return { kind: 'opened', receipt }
  const message = `The deletion of user ${username} has ended: see /deletions/${receiptId}.`
  return declined(new LedgerError('conflict', message))
}
