import { beforeEach } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import type { HoldNotice } from '../../../src/work/front/hold-notice.ts'
import { type Fronted, useFront } from './use-front.ts'

const notice: HoldNotice = {
  reasons: ['limit'],
  used: 1_020_000_000_000n,
  allowance: 1_000_000_000_000n,
  endsAt: new Date('2026-12-01T00:00:00Z'),
  validUntil: null,
  timezone: 'UTC',
}
/** What a held admin reads. */
export const heldDetail =
  'Traffic limit reached: 1.02 TB of 1.00 TB used in this period, which ends 2026-12-01.'

export const json = { 'content-type': 'application/json' }
export const plan = { data_limit: 5, expire: null, add_remaining_traffic: true, fire_on_either: true }

export type HeldFront = {
  front: Fronted
  /** Who is held from now on; `unknown`: nobody can tell. */
  hold(who: 'ada' | 'nobody' | 'unknown'): Promise<void>
  /** What reached the panel since this was last called, besides the question who calls. */
  arrived(): string[]
}

/** A service whose admin ada is held when each test begins; ada and bob have a user of every status. */
export function useHeldFront(): HeldFront {
  let held: bigint | 'nobody' | 'unknown' = 'nobody'
  const front = useFront({
    holdOf: async (adminId) => {
      if (held === 'unknown') throw new LedgerError('database_unavailable', 'The database does not answer.')
      return held === adminId ? notice : null
    },
  })
  const hold: HeldFront['hold'] = async (who) => {
    held = who === 'ada' ? await front.service.idOf('ada') : who
  }
  beforeEach(async () => {
    await hold('ada')
    const { state } = front.service.panel
    for (const name of state.users.keys()) state.deleteUser(name)
    for (const admin of ['ada', 'bob']) {
      for (const status of ['disabled', 'active', 'on_hold', 'limited', 'expired']) {
        state.createUser(`${admin}_${status}`, { admin, status, dataLimit: 100, expire: 2_000_000_000 })
      }
    }
    front.service.takeAsked()
  })
  const arrived = () => front.service.takeAsked().filter((call) => call !== 'GET /api/admin')
  return { front, hold, arrived }
}
