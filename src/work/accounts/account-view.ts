import { partsOf } from '../../ledger/account.ts'
import { type UserStatus, userStatuses } from '../../panel/panel.ts'
import type { AccountView } from '../../store/accounts/queries.ts'
import { type LimitStatus, limitStatusOf } from '../limits/limit-status.ts'

export { userStatuses }

/** `missing`: the panel no longer lists the admin; `closed`: the admin was deleted, its figures stay for ever. */
export const accountStates = ['open', 'missing', 'closed'] as const
export type AccountState = (typeof accountStates)[number]

/** Users by status; `deleted` are those that are gone, `total` those that exist. */
export type UserNumbers = Record<UserStatus | 'deleted' | 'total', bigint>

/** An account as callers see it. All traffic is bytes, and `total` is the sum of the three parts, exactly. */
export type Figures = {
  state: AccountState
  total: bigint
  current: bigint
  preserved: bigint
  unattributed: bigint
  users: UserNumbers
  /** How the account stands against its limit; null: it has none. */
  limit: LimitStatus | null
}

/** What callers see of an account beside its own members. */
export function figuresOf(account: AccountView): Figures {
  const { current, preserved, unattributed } = partsOf(account)
  return {
    state: stateOf(account),
    total: account.total,
    current,
    preserved,
    unattributed,
    users: usersOf(account),
    limit: account.limit && limitStatusOf(account.limit, account.total, account.hold),
  }
}

function stateOf({ closedAt, missingSince }: AccountView): AccountState {
  if (closedAt) return 'closed'
  return missingSince ? 'missing' : 'open'
}

function usersOf({ users }: AccountView): UserNumbers {
  const numbers: UserNumbers = {
    total: 0n,
    active: 0n,
    disabled: 0n,
    limited: 0n,
    expired: 0n,
    on_hold: 0n,
    deleted: users.deleted ?? 0n,
  }
  for (const status of userStatuses) numbers[status] = users[status] ?? 0n
  // A panel may have statuses that are unknown here: such users exist too.
  for (const [status, count] of Object.entries(users)) if (status !== 'deleted') numbers.total += count
  return numbers
}
