import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { createPanelClient } from '../../src/panel/marzban/client.ts'
import type { PanelClient } from '../../src/panel/panel.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { openWorkerSession, type WorkerSession } from '../../src/store/connection/worker-session.ts'
import type { Deletion, UserDeletion } from '../../src/store/deletions/deletion.ts'
import { listDeletions } from '../../src/store/deletions/deletion-list.ts'
import { operator } from '../../src/work/callers/caller.ts'
import type { UserDeletionRequest } from '../../src/work/deleting/request.ts'
import { pollAdmins } from '../../src/work/observing/observe-admins.ts'
import { createPanelLag, type PanelLag } from '../../src/work/observing/panel-lag.ts'
import { scanAdmin } from '../../src/work/observing/scan-admin.ts'
import { type PanelOptions, type StandInPanel, startPanel } from '../stand-in/start.ts'
import { accountOf, dueScanOf, useLedger } from './ledger.ts'

/** Milliseconds the panel may take in these tests: what hangs is given up soon. */
const usualTimeoutMs = 300
/** For how long the panel may act on what it has not answered: longer than any test lasts, unless {@link passGrace} is called. */
export const graceMs = 60_000

export type Deleting = {
  db: Database
  url: string
  panel: StandInPanel
  client: PanelClient
  worker: WorkerSession
  now: () => number
  panelLag: PanelLag
}

/** A ledger, and a panel of its own for each test of the file that calls this. */
export function useDeleting(options: PanelOptions = {}): Deleting {
  const ledger = useLedger()
  const deleting = { now: Date.now, panelLag: createPanelLag(0) } as Deleting
  beforeAll(() => {
    Object.assign(deleting, ledger, { worker: openWorkerSession(ledger.url) })
  })
  afterAll(() => deleting.worker.close())
  beforeEach(async () => {
    deleting.panel = await startPanel(options)
    deleting.client = connect(deleting.panel)
  })
  afterEach(async () => {
    await deleting.client.close()
    await deleting.panel.close()
  })
  return deleting
}

/** A client of the stand-in panel's sudo account that does not wait between attempts. */
export function connect(
  panel: StandInPanel,
  now: () => number = () => performance.now(),
  timeoutMs = usualTimeoutMs,
): PanelClient {
  return createPanelClient({ url: panel.url, ...panel.sudo, timeoutMs, sleep: async () => {}, now })
}

/** What deleting functions take. */
export function workOf({ db, client, worker, now, panelLag }: Deleting) {
  return { db, panel: client, worker, now, panelLag, graceMs, signal: new AbortController().signal }
}

/** For those that read users: nobody rests, and no time passes, so that pages keep their usual size. */
export const unhurried = { rest: async () => {}, now: () => 0 }

/** The time is over in which the panel may act on what it has not answered. */
export async function passGrace({ db }: Pick<Deleting, 'db'>): Promise<void> {
  await db
    .updateTable('deletions')
    .set({ unknown_until: sql`clock_timestamp()` })
    .where('state', '=', 'unknown')
    .execute()
}

/** Whether a receipt is that of a user. */
export function isOfUser(deletion: Deletion): deletion is UserDeletion {
  return deletion.kind === 'user'
}

/** The latest receipts of users of this name, the newest first. */
export async function receiptsOf({ db }: Pick<Deleting, 'db'>, username: string): Promise<UserDeletion[]> {
  const { deletions } = await listDeletions(db, { before: null, limit: 200 })
  return deletions.filter(isOfUser).filter((deletion) => deletion.username === username)
}

/** A request of the operator to delete a user. */
export function asOperator(username: string, over: Partial<UserDeletionRequest> = {}): UserDeletionRequest {
  return { username, caller: operator, preserveTraffic: true, receiptId: null, ...over }
}

/** One poll, and one scan of each admin. */
export async function pollAndScan(deleting: Deleting): Promise<void> {
  const { db, client, panel } = deleting
  await pollAdmins({ db, panel: client, panelLag: createPanelLag(0) }, await drawAsked(db))
  for (const username of panel.state.admins.keys()) {
    const scan = { ...workOf(deleting), ...unhurried }
    await scanAdmin(scan, await dueScanOf(db, await accountOf(db, username)))
  }
}
