import { setTimeout } from 'node:timers/promises'
import { createRandom, type Random, weighted } from '../support/random.ts'
import { until } from '../support/until.ts'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import type { Journal } from './journal.ts'
import { checkEnd, checkIdle } from './leftovers.ts'
import { operations } from './operations.ts'
import { checkReceipts } from './receipts.ts'
import { comeToRest } from './rest.ts'
import { counted, read, Scene } from './scene.ts'
import type { Stage } from './stage.ts'
import { Totals } from './totals.ts'

export type ChaosOptions = {
  faults: number
  seed: number
  /** Whether the ledger's disk is one of its own, which can be filled. */
  fillsDisk: boolean
}

/** What a run has been through. */
export type Summary = {
  struck: Map<string, number>
  operations: number
  outcomes: Map<string, number>
  /** Milliseconds that the service took to be ready after a fault, at most. */
  slowestRecovery: number
  rests: number
  samples: number
  receipts: Record<string, number>
  totals: ReadonlyMap<string, bigint>
}

const faultsBetweenRests = 8
/** A deletion whose service is alive, and from which nothing was heard for so long, counts as abandoned. */
const silentMs = 16 * 60_000
const settleMs = 150_000

/** Lets so many faults happen, and checks everything the ledger promises; what does not hold stands in the journal. */
export async function runChaos(stage: Stage, options: ChaosOptions, journal: Journal): Promise<Summary> {
  const random = createRandom(options.seed)
  const scene = new Scene(stage, journal, random)
  const totals = new Totals(scene, journal)
  const summary: Summary = {
    struck: new Map(),
    operations: 0,
    outcomes: new Map(),
    slowestRecovery: 0,
    rests: 0,
    samples: 0,
    receipts: {},
    totals: totals.figures(),
  }
  const rest = async () => {
    await comeToRest(scene, totals, journal)
    summary.rests += 1
  }
  for (const admin of [...counted, ...read]) {
    await stage.panel.createAdmin(admin)
    for (let user = 0; user < 6; user += 1) await stage.panel.createUser(scene.nameFor(admin), admin)
  }
  await rest()

  const kinds = faults.filter(({ needsDisk }) => !needsDisk || options.fillsDisk)
  const deck = deckOf(kinds, options.faults, random)
  for (const [index, fault] of deck.entries()) {
    journal.note(fault.name)
    const how = await fault.strike(scene, () => act(scene, summary))
    const since = performance.now()
    await stage.recover()
    summary.slowestRecovery = Math.max(summary.slowestRecovery, Math.round(performance.now() - since))
    count(summary.struck, fault.name)
    journal.tell(`${index + 1}/${deck.length} ${fault.name}${how && ` (${how})`}`)
    await totals.sample()
    if ((index + 1) % faultsBetweenRests === 0) await rest()
    if (journal.faults.length > 0) return summary
  }
  await checkEverything(stage, scene, journal, summary, rest)
  summary.samples = totals.samples
  return summary
}

/** Each kind at least once where there are enough; in an order that chance decides. */
function deckOf(kinds: readonly Fault[], length: number, random: Random): Fault[] {
  const left = [...kinds]
  return Array.from({ length }, () => left.splice(random(left.length), 1)[0] ?? weighted(random, kinds))
}

/** Some users consume, and some operations happen side by side. */
async function act(scene: Scene, summary: Summary): Promise<void> {
  const { random, stage } = scene
  await scene.refresh()
  const consume = () =>
    stage.panel.consume(
      scene.users
        .filter(() => random(3) > 0)
        .map(({ username, owner }) => ({
          username,
          bytes: 1 + random(999),
          booked: scene.isCounted(owner) || random(2) === 0,
        })),
    )
  await consume()
  const running = Array.from({ length: 2 + random(5) }, async (_, index) => {
    const operation = weighted(random, operations)
    await setTimeout(index * random(60))
    const outcome = await operation.run(scene)
    if (outcome === null) return
    summary.operations += 1
    count(summary.outcomes, outcome.replace(/^told /, ''))
  })
  await consume()
  for (const { reason } of (await Promise.allSettled(running)).filter(isRejected)) throw reason
}

/** The faults are over. */
async function checkEverything(
  stage: Stage,
  scene: Scene,
  journal: Journal,
  summary: Summary,
  rest: () => Promise<void>,
): Promise<void> {
  journal.tell('the faults are over')
  let polls = await pollsOf(stage)
  for (const _ of [1, 2]) {
    await until('the service polls by itself', async () => (await pollsOf(stage)) > polls, 100_000)
    polls = await pollsOf(stage)
  }
  await rest()
  // Noticed only then, it would be kept as failed for longer than what follows takes.
  const [{ now } = {}] = await stage.query<{ now: string }>('select queue_now()::text as now')
  await until('what dead services were working on is noticed', async () => {
    const left = await stage.query(
      `select from pgboss.job where state = 'active' and started_on < '${now}'::timestamptz`,
    )
    return left.length === 0
  })
  journal.tell('the totals are looked at; sixteen minutes pass')
  await stage.clocks.jump(await stage.databaseUrl(), 'both', silentMs)
  await until('all deletions have ended', async () => (await openDeletions(stage)) === 0, settleMs)
  await rest()
  summary.receipts = await stage.withDatabase((db) => checkReceipts(scene, db, journal))
  journal.tell('the receipts are looked at')
  await checkIdle(stage, journal)
  await checkEnd(stage, journal)
  journal.tell('the service has ended')
}

async function pollsOf(stage: Stage): Promise<number> {
  const [poll] = await stage.query<{ tick: string }>('select asked_tick as tick from panel_poll')
  return Number(poll?.tick)
}

async function openDeletions(stage: Stage): Promise<number> {
  const [open] = await stage.query<{ count: string }>(
    'select count(*) as count from deletions where finished_at is null',
  )
  return Number(open?.count)
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected'
}
