import { isLedgerError } from '../../errors.ts'
import { planPages } from '../observing/page-plan.ts'
import { pageSize } from '../observing/page-size.ts'
import type { HoldingDeps } from './holding.ts'

/**
 * The names of an admin's users with this status, also of those whose bytes cannot be counted.
 *
 * @returns `unlisted`: how many users the panel fails to list, whatever their status.
 */
export async function listServed(
  { panel, signal }: HoldingDeps,
  admin: string,
  status: 'active' | 'on_hold',
): Promise<{ usernames: string[]; unlisted: number }> {
  const plan = planPages({ users: pageSize }, [])
  const usernames = new Set<string>()
  for (;;) {
    signal.throwIfAborted()
    const { once, ...part } = plan.next()
    const page = await panel.users({ admin, status, ...part }, { once }).catch((error: unknown) => {
      if (isLedgerError(error) && error.unusable) return null
      throw error
    })
    if (page === null) {
      // A panel that lists no user at all does not fail because of one.
      if (plan.failed() === 'pass over') await panel.countUsers({ admin, status })
      continue
    }
    for (const { username } of page.users) usernames.add(username)
    for (const { name } of page.unreadable) if (name !== null) usernames.add(name)
    if (plan.read(page).over) return { usernames: [...usernames], unlisted: plan.passedOver() }
  }
}
