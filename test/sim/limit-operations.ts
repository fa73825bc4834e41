import { findOpenAccount } from '../../src/store/accounts/queries.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { enforceHold } from '../../src/work/holding/enforce-hold.ts'
import { type HoldingDeps, heldAccounts } from '../../src/work/holding/holding.ts'
import { createHolds } from '../../src/work/holding/operator-hold.ts'
import { createLimits } from '../../src/work/limits/limits.ts'
import type { SetLimit } from '../../src/work/limits/set-limit.ts'
import { turnDueLimits } from '../../src/work/limits/turn-due-limits.ts'
import { grantBytes, type LimitWork, type SimLimit } from './limit-steps.ts'

const by = 'operator'

const kinds = new Set<string>([
  'set limit',
  'remove limit',
  'grant',
  'revoke grant',
  'close period',
  'turn due limits',
  'place hold',
  'lift hold',
  'enforce hold',
  'enforce all holds',
] satisfies LimitWork['of'][])

export function isLimitWork<W extends { of: string }>(work: W): work is Extract<W, LimitWork> {
  return kinds.has(work.of)
}

/** Does work on limits and holds with the service's own code; nothing where there is no account. */
export async function performLimitWork(work: LimitWork, deps: HoldingDeps, now: number): Promise<unknown> {
  const { db } = deps
  if (work.of === 'turn due limits') return turnDueLimits(db, deps.signal)
  if (work.of === 'enforce all holds') {
    for (const adminId of await heldAccounts(db)) await enforceHold(deps, adminId)
    return
  }
  const account = await findOpenAccount(db, work.admin)
  if (!account) return
  const { id } = account
  const limits = createLimits({ db })
  switch (work.of) {
    case 'set limit':
      return limits.set(id, { request: requestOf(work.limit, now), expected: null, isDryRun: false, by })
    case 'remove limit':
      return limits.remove(id, { expected: null, by })
    case 'grant': {
      const { reference } = work
      return limits.grant(id, { bytes: BigInt(grantBytes[reference]), note: null, reference, by })
    }
    case 'revoke grant': {
      const grantId = await pickGrant(db, id, work.pick)
      return grantId === null ? null : limits.revoke(id, grantId, by)
    }
    case 'close period':
      return limits.closePeriod(id, { expected: null, by })
    case 'place hold':
      return createHolds({ db }).place(id, { reason: 'unpaid', by })
    case 'lift hold':
      return createHolds({ db }).lift(id, by)
    case 'enforce hold':
      return enforceHold(deps, id)
  }
}

function requestOf(limit: SimLimit, now: number): SetLimit['request'] {
  const { bytes, unit, countFrom, carryOver, validFor, warnAt, onExceed } = limit
  return {
    trafficLimit: bytes === null ? null : BigInt(bytes),
    countFrom,
    period: unit && { unit, anchorDay: null, timezone: 'UTC' },
    carryOver,
    validUntil: validFor === null ? null : new Date(now + validFor * 1_000),
    warnAt,
    onExceed,
  }
}

async function pickGrant(db: Database, adminId: bigint, pick: number): Promise<bigint | null> {
  const grants = await db
    .selectFrom('limit_grants')
    .select('id')
    .where('admin_id', '=', adminId)
    .orderBy('id')
    .execute()
  return grants[pick % Math.max(1, grants.length)]?.id ?? null
}
