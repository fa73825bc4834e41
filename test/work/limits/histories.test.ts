import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { isLedgerError } from '../../../src/errors.ts'
import { findAccount } from '../../../src/store/accounts/queries.ts'
import { createLimits, type Limits } from '../../../src/work/limits/limits.ts'
import { turnDueLimits } from '../../../src/work/limits/turn-due-limits.ts'
import { useLedger } from '../../support/ledger.ts'
import { closeOpening, createAccount, daily, grow, limitOf, passDays } from '../../support/limits.ts'
import { createRandom, oneOf, type Random } from '../../support/random.ts'

const ledger = useLedger()
const going = new AbortController().signal
let limits: Limits
beforeAll(() => {
  limits = createLimits(ledger)
})
const first = Number(process.env.SEED ?? Date.now() % 1_000_000)
const seeds = Array.from({ length: 12 }, (_, index) => first + index)

/** What was used in closed periods, and from where the open one counts; both null without an open period. */
type Truth = { used: bigint; from: bigint }

async function act(random: Random, id: bigint): Promise<void> {
  const by = 'api_key'
  const kind = random(10)
  if (kind < 4) return grow(ledger.db, id, BigInt(random(900)))
  if (kind === 4) return passDays(ledger.db, id, random(4))
  if (kind === 5) return turnDueLimits(ledger.db, going)
  if (kind === 6) {
    const request = limitOf(oneOf(random, [null, 500n, 1_000n, 2_000n]) ?? null, {
      period: random(3) === 0 ? null : daily,
      carryOver: oneOf(random, ['none', 'debt', 'all'] as const) ?? 'none',
      warnAt: oneOf(random, [[], [50], [50, 90]]) ?? [],
      validUntil: random(4) === 0 ? new Date(Date.now() + (random(3) - 1) * 86_400_000) : null,
    })
    return void (await limits.set(id, request))
  }
  if (kind === 7) {
    return void (await limits.grant(id, {
      bytes: BigInt(random(1_500) - 500),
      note: null,
      reference: null,
      by,
    }))
  }
  if (kind === 8) {
    const [grant] = (await limits.grants({ adminId: id, before: null, limit: 1 })).items
    return void (grant && (await limits.revoke(id, grant.id, by)))
  }
  return void (await limits.closePeriod(id, { expected: null, by: 'api_key' }))
}

/** What may be refused, since the next step is drawn without looking. */
async function tryTo(step: Promise<void>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!isLedgerError(error, 'conflict', 'not_found', 'invalid_request')) throw error
  })
}

async function check(id: bigint, seed: number): Promise<void> {
  const account = await findAccount(ledger.db, id)
  const { items } = await limits.periods({ adminId: id, before: null, limit: 1_000 })
  const [open, ...closed] = items
  if (!account?.limit || !open) return
  // Each period begins in time and traffic where the one before ended.
  for (const [index, period] of items.slice(1).entries()) {
    expect(items[index], `SEED=${seed}`).toMatchObject({
      startsAt: period.endsAt,
      totalAtStart: period.totalAtEnd,
    })
  }
  const truth: Truth = {
    used: closed.reduce(
      (sum, { totalAtStart, totalAtEnd }) => sum + (totalAtEnd ?? 0n) - (totalAtStart ?? 0n),
      0n,
    ),
    from: items.at(-1)?.totalAtStart ?? 0n,
  }
  const { status, limit } = await limits.read(id)
  expect(truth.used + status.used, `SEED=${seed}`).toBe(account.total - truth.from)

  // What the figures say is crossed is recorded, and nothing else, each with one event.
  const { rows } = await sql<{ kind: string; threshold: number }>`
    select kind, threshold from limit_crossings
    where period_id = ${status.period.id} and version = ${limit.version} and kind <> 'expired'`.execute(
    ledger.db,
  )
  const { allowance, used } = status
  const due = [...limit.warnAt, 100].filter(
    (percent) => allowance !== null && used * 100n >= allowance * BigInt(percent),
  )
  expect(
    rows.map(({ threshold }) => threshold).sort((a, b) => a - b),
    `SEED=${seed}`,
  ).toEqual(due)
  const { rows: counts } = await sql<{ crossings: bigint; events: bigint; ends: bigint }>`
    select (select count(*) from limit_crossings where admin_id = ${id}) as crossings,
      (select count(*) from events where admin_id = ${id} and payload ? 'threshold') as events,
      (select count(*) from events where admin_id = ${id} and type = 'period.closed') as ends`.execute(
    ledger.db,
  )
  expect(counts[0]?.events, `SEED=${seed}`).toBe(counts[0]?.crossings)
  expect(counts[0]?.ends, `SEED=${seed}`).toBe(BigInt(closed.length))
  const { rows: grants } = await sql<{ wrong: bigint }>`
    select id as wrong from limit_periods as period where admin_id = ${id} and granted <> (
      select coalesce(sum(bytes), 0) from limit_grants where period_id = period.id and revoked_at is null
    )`.execute(ledger.db)
  expect(grants, `SEED=${seed}`).toEqual([])
}

test.each(seeds)(
  'in a random history all figures add up, whatever runs at once (SEED=%s)',
  { timeout: 60_000 },
  async (seed) => {
    const random = createRandom(seed)
    const id = await createAccount(ledger.db, `ada${seed}`)
    await grow(ledger.db, id, 500n)
    if (random(4) > 0) await closeOpening(ledger.db, id)
    await limits.set(id, limitOf(1_000n, { period: daily, warnAt: [50] }))
    for (let step = 0; step < 25; step += 1) {
      const together = 1 + random(3)
      await Promise.all(Array.from({ length: together }, () => tryTo(act(random, id))))
      if (step === 8) await closeOpening(ledger.db, id)
      if ((await findAccount(ledger.db, id))?.limit?.isPending === false) await check(id, seed)
    }
  },
)
