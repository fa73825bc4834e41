import type { LimitState } from './limit.ts'

/**
 * Why the users of an account are disabled: it has used its allowance, its validity is over, or the operator wants it. As long
 * as there is any reason, the hold goes on.
 */
export type HoldReason = LimitReason | 'operator'
/** A reason that a limit gives. */
export type LimitReason = 'limit' | 'expired'

/** The reasons to hold an account that a limit gives. */
export function reasonsOf(
  limit: { onExceed: 'notify' | 'disable_users' },
  crossings: readonly { kind: Exclude<LimitState, 'ok'> }[],
): LimitReason[] {
  if (limit.onExceed === 'notify') return []
  return crossings.flatMap(({ kind }) =>
    kind === 'exceeded' ? ['limit' as const] : kind === 'expired' ? ['expired' as const] : [],
  )
}
