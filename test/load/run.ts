import { setTimeout } from 'node:timers/promises'
import { readPanelPoll } from '../../src/store/collecting/panel-poll.ts'
import { createConnectionQueue } from '../../src/store/connection/connection-queue.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import type { Line } from '../bench/line.ts'
import { openPlace } from '../bench/place.ts'
import { residentBytes } from '../bench/resident.ts'
import { operatorKey } from '../support/keys.ts'
import { readScanRound } from '../support/scan-round.ts'
import type { ServiceProcess } from '../support/spawn-service.ts'
import { inconsistentAccounts } from '../support/stored-sums.ts'
import { runClients } from './clients.ts'
import { linesOf, type Sample } from './figures.ts'
import { startLoadPanel } from './panel.ts'

/** Their number divides no number by which clients are told apart. */
const admins = ['ana', 'ben', 'cyd', 'dan', 'eva', 'fay', 'gus']
const lagSeconds = 1
const patienceMs = 120_000

export type LoadOptions = {
  clients: number
  seconds: number
  /** Told what is under way. */
  say: (what: string) => void
}

/** Loads the real service while it scans; what it answered, and what its accounts say afterwards. */
export async function runLoad({ clients, seconds, say }: LoadOptions): Promise<Line[]> {
  await using closing = new AsyncDisposableStack()
  const place = await openPlace({ quick: false, say })
  closing.defer(() => place.close())
  // In a second a scan reads 60 users of a panel that has nothing else to do, and the panel deletes less than 40.
  const usersEach = Math.ceil((150 * seconds + 2 * clients + 500) / admins.length)
  const panel = await startLoadPanel({ admins, usersEach })
  closing.defer(() => panel.close())
  const url = await place.database()
  const service = await place.service(panel, {
    DATABASE_URL: url,
    PANEL_LAG: String(lagSeconds),
  })
  closing.defer(async () => void (await service.end('SIGTERM')))
  const db = openDatabase({ url, connections: createConnectionQueue(2) })
  closing.defer(() => db.destroy())

  say(`reading ${admins.length * usersEach} users once`)
  await until('all users are read', async () => (await readScanRound(db)).finishedAt !== null)
  // What the users prove beyond the admins' counters shows in a poll that comes longer than the lag after another one.
  await pollAndScan(service, db)
  await setTimeout(1_000 * lagSeconds)
  await pollAndScan(service, db)

  say(`${clients} clients for ${seconds} s`)
  panel.makeBusy()
  await service.call('POST', '/sync')
  await until('a scan runs', async () => isScanning(await readScanRound(db)))
  const samples: Sample[] = []
  const sampling = setInterval(async () => {
    const resident = residentBytes(service.child.pid ?? 0)
    samples.push({ resident, scanning: isScanning(await readScanRound(db)) })
  }, 1_000)
  const accounts = await accountsOf(service)
  const result = await runClients({
    url: service.url,
    apiKey: operatorKey,
    clients,
    seconds,
    accounts: accounts.map(({ id, username }) => ({
      id,
      username,
      token: panel.tokens[username] ?? '',
      users: Array.from({ length: usersEach }, (_, index) => `${username}_${index}`),
    })),
  })
  clearInterval(sampling)
  const { usersDone: scanned } = await readScanRound(db)

  say('letting it come to rest')
  await panel.quieten()
  await until('all deletions have ended', async () => !(await isDeleting(db)))
  await pollAndScan(service, db)
  const truth = await panel.quieten()
  const left = new Set(truth.users)
  return linesOf({
    seconds,
    result,
    samples,
    scanned: Number(scanned),
    beside: (await accountsOf(service)).map(
      ({ username, total_traffic }) => total_traffic - (truth.totals[username] ?? 0),
    ),
    untrue: result.deleted.filter((username) => left.has(username)).length,
    inconsistent: (await inconsistentAccounts(db)).length,
  })
}

function isScanning(round: Awaited<ReturnType<typeof readScanRound>>): boolean {
  return round.startedAt !== null && round.finishedAt === null
}

async function accountsOf(
  service: ServiceProcess,
): Promise<{ id: number; username: string; total_traffic: number }[]> {
  const { body } = await service.call('GET', '/admins')
  return (body as { items: { id: number; username: string; total_traffic: number }[] }).items
}

async function isDeleting(db: Database): Promise<boolean> {
  const open = await db
    .selectFrom('deletions')
    .select('id')
    .where('finished_at', 'is', null)
    .limit(1)
    .execute()
  return open.length > 0
}

/** Lets everything be read once more, when no round is under way that may have passed some of it by. */
async function pollAndScan(service: ServiceProcess, db: Database): Promise<void> {
  await until('the scan is over', async () => !isScanning(await readScanRound(db)))
  const before = new Date()
  await service.call('POST', '/sync')
  await until('everything is polled and scanned', async () => {
    const [poll, round] = [await readPanelPoll(db), await readScanRound(db)]
    return [poll.succeededAskedAt, round.finishedAt].every((at) => at !== null && at > before)
  })
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`in vain waited until ${what}`)
    await setTimeout(50)
  }
}
