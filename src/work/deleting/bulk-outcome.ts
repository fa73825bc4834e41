import type { ChildCounts } from '../../store/deletions/bulk-deletions.ts'
import type { Outcome } from '../../store/deletions/deletions.ts'

/** Why users are left after a bulk deletion. */
export function usersLeft(failed: number): { code: string; message: string } {
  const message =
    failed === 1
      ? '1 user could not be deleted; its receipt says why.'
      : `${failed} users could not be deleted; their receipts say why.`
  return { code: 'users_left', message }
}

/** The outcome of a bulk deletion whose users have all ended; `gone`: the panel had none of them any more. */
export function bulkOutcome({ deleted = 0, failed = 0 }: ChildCounts): Outcome {
  if (failed > 0) return { state: 'incomplete', error: usersLeft(failed) }
  return { state: deleted > 0 ? 'deleted' : 'gone' }
}
