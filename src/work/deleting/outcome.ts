import { isSameCreation } from '../../ledger/user-identity.ts'
import type { DeletionReply, PanelUser, UnreadableUser } from '../../panel/panel.ts'
import type { SingleDeletion } from '../../store/deletions/unsettled-deletions.ts'

/**
 * What became of a deletion. `refused`: nothing was done, for certain. `still there`: the panel had all the time to act,
 * and has not. `unknown`: it may still act.
 */
export type Outcome = 'deleted' | 'refused' | 'still there' | 'unknown'

/** What the panel's answer to a deletion proves; null: nothing, and the panel has to be asked. */
export function outcomeOf(verdict: DeletionReply['verdict']): Outcome | null {
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

/** What the panel shows of a user by name; null: it has none of this name. */
export type Look = PanelUser | UnreadableUser | null

/**
 * What a look at the panel proves about the deletion of a user. That the user is there proves nothing before the panel's
 * time to act is over. A user of the name whose creation cannot be read proves nothing at all: it may be another one.
 *
 * @param createdAt which user of that name it is; null: nobody knows.
 */
export function outcomeByLook(createdAt: string | null, look: Look, isGraceOver: boolean): Outcome {
  if (look === null) return 'deleted'
  if (look.createdAt === null) return 'unknown'
  if (createdAt !== null && !isSameCreation(createdAt, look.createdAt)) return 'deleted'
  return isGraceOver ? 'still there' : 'unknown'
}

type Told = Pick<SingleDeletion, 'id' | 'kind' | 'preserveTraffic'>

/** The user or the admin of a receipt, as messages name it. */
export function nameOf(receipt: SingleDeletion): string {
  return receipt.kind === 'user' ? receipt.username : 'of this account'
}

/** Says that the user or admin was not deleted, and that repeating the request costs nothing. */
export function notDeleted(receipt: Told, name: string, reason: string): string {
  return `${preserved(receipt)} ${nounOf(receipt)} ${name} was not deleted: ${reason}`
}

/** Says that nobody can say yet. */
export function notKnownYet(receipt: Told, name: string, reason: string): string {
  return `${preserved(receipt)} It is not known yet whether ${nounOf(receipt).toLowerCase()} ${name} was deleted (${reason.replace(/\.$/, '')}); see /deletions/${receipt.id}.`
}

/** Says that nobody can say any more. */
export function neverKnown(receipt: Told, name: string, reason: string): string {
  return `${preserved(receipt)} It is not known whether ${nounOf(receipt).toLowerCase()} ${name} was deleted: ${reason}.`
}

function preserved({ preserveTraffic: isPreserved }: Told): string {
  return isPreserved ? 'Its traffic is preserved.' : 'Its traffic was not read, as asked.'
}

function nounOf({ kind }: Told): 'User' | 'Admin' {
  return kind === 'user' ? 'User' : 'Admin'
}
