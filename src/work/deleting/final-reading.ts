import { isLedgerError, LedgerError } from '../../errors.ts'
import { identify as identifyUser, isSameCreation } from '../../ledger/user-identity.ts'
import type { PanelUser, UnreadableUser } from '../../panel/panel.ts'
import type { Tx } from '../../store/connection/database.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'
import { transact } from '../../store/connection/transact.ts'
import type { UserDeletion } from '../../store/deletions/deletion.ts'
import {
  beginDeletion,
  insertUserDeletion,
  noteReading,
  updateDeletion,
} from '../../store/deletions/deletions.ts'
import { lockOpenTenures, type StoredTenure } from '../../store/tenures/tenures.ts'
import { observeGone, observeUsersIn } from '../observing/observe-users.ts'
import { retryOverlapped } from '../observing/retry-overlapped.ts'
import { claim } from './claim.ts'
import { type Look, outcomeByLook } from './outcome.ts'
import { asCaller, type DeletionDeps, type UserDeletionRequest } from './request.ts'

/** What comes before the panel hears of a deletion. `absent`: the panel does not have this user. */
export type Opening =
  | { kind: 'opened'; receipt: UserDeletion }
  | { kind: 'absent' }
  | { kind: 'declined'; error: LedgerError }

const absent = { kind: 'absent' } as const
const declined = (error: LedgerError) => ({ kind: 'declined', error }) as const

/** Reads the user and makes that reading durable, together with the receipt. Another user of the name is another user. */
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
      if (user === null) await observeGone(db, asked, request.username)
      if (user === null || isAnother(known, user)) return absent
      const worker = await deps.worker.id()
      return transact(db, (tx) => storeReading(tx, { deps, request, known, asked, since, user, worker }))
    },
  )
}

type Reading = {
  deps: DeletionDeps
  request: UserDeletionRequest
  known: UserDeletion | null
  asked: Asked
  /** Another reading that was asked for since then serves as well; undefined: none does. */
  since: Asked | undefined
  user: PanelUser
  worker: string
}

/** Undefined: the reading was dropped and has to be taken again. */
async function storeReading(tx: Tx, taken: Reading): Promise<Opening | undefined> {
  const { request, user } = taken
  const { accepted } = await observeUsersIn(tx, taken.asked, [user], taken.since)
  const reading = accepted.get(user.username)
  if (!reading) return undefined
  const refusal = refusalOf(request, { ...reading, username: user.username })
  if (refusal) return declined(refusal)
  const { createdAt } = reading
  const opening = await openReceipt(tx, { ...taken, username: user.username, createdAt, isSure: true })
  if (opening.kind !== 'opened') return opening
  await updateDeletion(tx, opening.receipt, { state: 'preserved' })
  const receipt = await noteReading(tx, opening.receipt.id, { ...reading, username: user.username })
  return { kind: 'opened', receipt }
}

/** Why this user is not one of those that the request is about; null: it is. */
function refusalOf(
  { onlyAdminId, onlyStatuses }: UserDeletionRequest,
  user: { username: string; adminId: bigint | null; status: string },
): LedgerError | null {
  if (onlyAdminId !== null && user.adminId !== onlyAdminId) {
    return new LedgerError('forbidden', `User ${user.username} belongs to another admin.`)
  }
  if (!onlyStatuses || onlyStatuses.includes(user.status)) return null
  const wanted = onlyStatuses.join(' or ')
  return new LedgerError(
    'not_found',
    `User ${user.username} is ${user.status} now; only users that are ${wanted} were to be deleted.`,
  )
}

/**
 * Opens the receipt without a final reading. Which user it is, the panel is asked all the same, so that the right tenure
 * ends. Of a user that cannot be read, it is the one that the ledger knows by that name.
 */
export async function openUnread(
  deps: DeletionDeps,
  request: UserDeletionRequest,
  known: UserDeletion | null,
): Promise<Opening> {
  const { db } = deps
  const asked = await drawAsked(db)
  const user = await identify(deps, request)
  if (user === null) await observeGone(db, asked, request.username)
  if (user === null || isAnother(known, user)) return absent
  const worker = await deps.worker.id()
  const username = 'unreadable' in user ? request.username : user.username
  return transact(db, async (tx) => {
    const open = await lockOpenTenures(tx, [username])
    const createdAt = 'unreadable' in user ? likelyCreation(open, user) : keptCreation(open, user, asked)
    return openReceipt(tx, { deps, request, worker, username, createdAt, isSure: user.createdAt !== null })
  })
}

/** Of a user whose creation cannot be read, that of the one that the ledger knows by this name. */
function likelyCreation([open]: readonly StoredTenure[], { createdAt }: UnreadableUser): string | null {
  if (createdAt === null) return open?.createdAt ?? null
  return open && isSameCreation(open.createdAt, createdAt) ? open.createdAt : createdAt
}

/** The time of creation under which the user is kept. */
function keptCreation(open: readonly StoredTenure[], user: PanelUser, asked: Asked): string {
  const at = user.toldAt ?? asked.at.getTime()
  const { createdAt, lifetimeUsedTraffic: lifetime } = user
  return identifyUser(open, { createdAt, lifetime, at, asked: asked.tick }).createdAt
}

async function identify({ panel }: DeletionDeps, request: UserDeletionRequest): Promise<Look> {
  // A panel on MySQL overlooks spaces at the end: the ledger would not know whom it deletes.
  if (request.username.endsWith(' ')) return panel.user(request.username, asCaller(request))
  try {
    return await panel.lookAtUser(request.username, asCaller(request))
  } catch (error) {
    if (!isLedgerError(error, 'panel_failed', 'panel_bad_answer')) throw error
    return { unreadable: error, createdAt: null }
  }
}

function isAnother(known: UserDeletion | null, user: PanelUser | UnreadableUser): boolean {
  return known !== null && outcomeByLook(known.createdAt, user, false) === 'deleted'
}

type NewReceipt = Pick<Reading, 'deps' | 'request' | 'worker'> & {
  username: string
  createdAt: string | null
  /** Whether the panel has shown that creation. */
  isSure: boolean
}

/** The receipt of this request, with this service at work on it. */
async function openReceipt(tx: Tx, opened: NewReceipt): Promise<Opening> {
  const { request, username, createdAt, isSure, worker } = opened
  const error = await claim(tx, {
    target: { username },
    what: `User ${username}`,
    receiptId: request.receiptId,
    createdAt,
    isSure,
    graceMs: opened.deps.graceMs,
  })
  if (error) return declined(error)
  if (request.receiptId === null) {
    const { requestedBy, preserveTraffic } = request
    const receipt = await insertUserDeletion(tx, {
      username,
      createdAt,
      requestedBy,
      preserveTraffic,
      worker,
    })
    return { kind: 'opened', receipt }
  }
  const receipt = await beginDeletion(tx, { id: request.receiptId, kind: 'user' }, worker)
  if (receipt.finishedAt === null) return { kind: 'opened', receipt }
  const message = `The deletion of user ${username} has ended: see /deletions/${receipt.id}.`
  return declined(new LedgerError('conflict', message))
}
