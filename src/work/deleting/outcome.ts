import { isSameCreation } from '../../ledger/user-identity.ts'
import type { DeletionReply, PanelUser } from '../../panel/panel.ts'
import type { Deletion } from '../../store/deletions/deletions.ts'

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

/** What the panel shows of a user by name; `unreadable`: it has one, and nobody can tell which. */
export type Look = PanelUser | 'unreadable' | null

/**
 * What a look at the panel proves about the deletion of a user. That the user is there proves nothing before the panel's
 * time to act is over.
 *
 * @param createdAt which user of that name it is; null: nobody knows.
 */
export function outcomeByLook(createdAt: string | null, look: Look, isGraceOver: boolean): Outcome {
  if (look === null) return 'deleted'
  const isAnother = look !== 'unreadable' && createdAt !== null && !isSameCreation(createdAt, look.createdAt)
  if (isAnother) return 'deleted'
  return isGraceOver ? 'still there' : 'unknown'
}

type Told = Pick<Deletion, 'id' | 'kind' | 'username' | 'preserve_traffic'>

/** Says that the user or admin was not deleted, and that repeating the request costs nothing. */
export function notDeleted(receipt: Told, name: string, reason: string): string {
  return `${preserved(receipt)} ${nounOf(receipt)} ${name} was not deleted: ${reason}`
}

/** Says that nobody can say yet. */
export function notKnownYet(receipt: Told, name: string, reason: string): string {
  return `${preserved(receipt)} It is not known yet whether ${nounOf(receipt).toLowerCase()} ${name} was deleted (${reason.replace(/\.$/, '')}); see /deletions/${receipt.id}.`
}

function preserved({ preserve_traffic: isPreserved }: Told): string {
  return isPreserved ? 'Its traffic is preserved.' : 'Its traffic was not read, as asked.'
}

function nounOf({ kind }: Told): 'User' | 'Admin' {
  return kind === 'user' ? 'User' : 'Admin'
}
