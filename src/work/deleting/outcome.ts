import { identify, isSameCreation, type KnownUser } from '../../ledger/user-identity.ts'
import type { DeletionReply, PanelUser, UnreadableUser } from '../../panel/panel.ts'
import type { Asked } from '../../store/connection/logical-clock.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'

/**
 * The outcome of a deletion. `refused`: certainly nothing was done. `still there`: the panel had enough time to act, and
 * has not. `unknown`: the panel can still act.
 */
export type Outcome = 'deleted' | 'refused' | 'still there' | 'unknown'

/** What the panel's answer to a deletion proves; null: nothing, so the panel must be asked. */
export function outcomeOfVerdict(verdict: DeletionReply['verdict']): Outcome | null {
  switch (verdict) {
    case 'done':
    case 'missing':
      return 'deleted'
    case 'refused':
    case 'unsent':
      return 'refused'
    case 'unclear':
      return null
  }
}

/** What the panel shows for a name; null: it has no user of this name. */
export type Look = PanelUser | UnreadableUser | null

/** Which user a look shows: the one of a receipt, another one of its name, or one that cannot be told from others. */
export type Shown = 'nobody' | 'the user' | 'another user' | 'some user'

/**
 * Compares a look with the user of a receipt. The ledger's tenures decide, because somebody may have changed the user's time
 * of creation in the panel.
 *
 * @param createdAt tells the user of the receipt from others of its name; null: unknown, so any user of this name is the one.
 * @param known the ledger's tenures of this name.
 */
export function shownBy(
  look: Look,
  createdAt: string | null,
  known: readonly KnownUser[],
  asked: Asked,
): Shown {
  if (look === null) return 'nobody'
  if (look.createdAt === null) return 'some user'
  if (createdAt === null) return 'the user'
  const isReadable = !('unreadable' in look)
  const identity = identify(known, {
    createdAt: look.createdAt,
    // Without a readable lifetime, only the dates decide.
    lifetime: isReadable ? look.lifetimeUsedTraffic : largestLifetime,
    at: (isReadable ? look.toldAt : null) ?? asked.at.getTime(),
    asked: asked.tick,
  })
  const names = [identity.known, identity.createdAt, identity.formerCreatedAt]
  return isSameCreation(createdAt, look.createdAt) || names.includes(createdAt) ? 'the user' : 'another user'
}

/**
 * What a look at the panel proves about the deletion of a user. An existing user proves nothing before the panel's time to
 * act is over. A user without a readable time of creation proves nothing at all: it can be another one of this name.
 */
export function outcomeByLook(shown: Shown, isGraceOver: boolean): Outcome {
  switch (shown) {
    case 'nobody':
    case 'another user':
      return 'deleted'
    case 'some user':
      return 'unknown'
    case 'the user':
      return isGraceOver ? 'still there' : 'unknown'
  }
}

/** The most that a counter can show. */
const largestLifetime = 2n ** 63n - 1n

type ReceiptOfText = Pick<SingleDeletion, 'id' | 'kind' | 'preserveTraffic'>

/** The user or the admin of a receipt, as messages name it. */
export function nameOf(receipt: SingleDeletion): string {
  return receipt.kind === 'user' ? receipt.username : 'of this account'
}

/** Says that the user or admin was not deleted, and whether its traffic is preserved. */
export function notDeleted(receipt: ReceiptOfText, name: string, reason: string): string {
  return `${preserved(receipt)} ${nounOf(receipt)} ${name} was not deleted: ${reason}`
}

/** Says that the outcome is not known yet. */
export function notKnownYet(receipt: ReceiptOfText, name: string, reason: string): string {
  return `${preserved(receipt)} It is not known yet whether ${nounOf(receipt).toLowerCase()} ${name} was deleted (${reason.replace(/\.$/, '')}); see /deletions/${receipt.id}.`
}

/** Says that the outcome will stay unknown. */
export function neverKnown(receipt: ReceiptOfText, name: string, reason: string): string {
  return `${preserved(receipt)} It is not known whether ${nounOf(receipt).toLowerCase()} ${name} was deleted: ${reason}.`
}

function preserved(receipt: ReceiptOfText): string {
  return `Its traffic ${trafficFate(receipt)}.`
}

/** What became of the traffic of who is deleted, as the end of a sentence. */
export function trafficFate({ preserveTraffic }: { preserveTraffic: boolean }): string {
  return preserveTraffic ? 'is preserved' : 'was not read, as asked'
}

function nounOf({ kind }: ReceiptOfText): 'User' | 'Admin' {
  return kind === 'user' ? 'User' : 'Admin'
}
