import { enforceHold } from '../../src/work/holding/enforce-hold.ts'
import { heldAccounts } from '../../src/work/holding/holding.ts'
import type { TestService } from '../http/service.ts'

type HeldWorld = { service: Pick<TestService, 'db' | 'client'>; now(): number }
/** What the service's jobs do for holds after each poll. */
export type Enforce = (world: HeldWorld) => Promise<void>

const going = new AbortController().signal
/** Milliseconds; between two polls of a story lie hours. */
const graceMs = 1_600

/**
 * The service's own hold.
 *
 * @param overlooked a status whose users it does not see: a mistake that the checker must find.
 */
export function enforceHolds({ overlooked = '' } = {}): Enforce {
  return async ({ service: { db, client } }) => {
    const panel: typeof client = {
      ...client,
      users: async (page, options) =>
        page.status === overlooked ? { users: [], total: 0, unreadable: [] } : client.users(page, options),
      countUsers: async (filter, options) =>
        filter.status === overlooked ? 0 : client.countUsers(filter, options),
    }
    for (const adminId of await heldAccounts(db)) {
      await enforceHold({ db, panel, graceMs, signal: going }, adminId)
    }
  }
}

/** As it is, but for the first poll of each day only: a mistake that the checker must find. */
export function onceADay(enforce: Enforce): Enforce {
  let next = 0
  return async (world) => {
    if (world.now() < next) return
    next = world.now() + 86_400_000
    await enforce(world)
  }
}
