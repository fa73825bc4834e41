import { levels } from 'pino'
import { type AppOptions, buildApp } from '../../src/app.ts'
import type { App } from '../../src/http/app-type.ts'
import { createLogger } from '../../src/log.ts'
import { marzbanApi } from '../../src/panel/marzban/api.ts'
import { createPanelClient } from '../../src/panel/marzban/client.ts'
import type { PanelClient } from '../../src/panel/panel.ts'
import { createForwarder } from '../../src/panel/transport/forward.ts'
import type { TrustedCertificates } from '../../src/panel/transport/trusted-certificates.ts'
import { createConnectionQueue } from '../../src/store/connection/connection-queue.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { openWorkerSession } from '../../src/store/connection/worker-session.ts'
import { takeOutbox } from '../../src/store/outbox/outbox.ts'
import { createStats } from '../../src/work/accounts/stats.ts'
import { createCallers } from '../../src/work/callers/callers.ts'
import { createDeletions } from '../../src/work/deleting/deletions.ts'
import { settleDeletions } from '../../src/work/deleting/settle.ts'
import { createFront } from '../../src/work/front/front.ts'
import type { FrontWork } from '../../src/work/front/front-request.ts'
import { holdOf as readHoldOf } from '../../src/work/front/hold-of.ts'
import { createLedgerApi } from '../../src/work/ledger-api.ts'
import { pollAdmins } from '../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../src/work/observing/panel-lag.ts'
import type { ReadingDeps } from '../../src/work/observing/read-user-pages.ts'
import { scanAdmin } from '../../src/work/observing/scan-admin.ts'
import type { PanelDatabase } from '../stand-in/names.ts'
import type { Release } from '../stand-in/release.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import type { Serving } from '../stand-in/xray.ts'
import { carryOut } from '../support/carry-out.ts'
import { createTestDatabase } from '../support/database.ts'
import { unhurried } from '../support/deleting.ts'
import { operatorKey } from '../support/keys.ts'
import { keepOutput } from '../support/leaks.ts'
import { accountOf, dueScanOf } from '../support/ledger.ts'

export const apiKey = operatorKey
export const withKey = { 'x-api-key': apiKey }

/** An admin that the panel has from the start; `usage`: bytes that its counter says, of users that are gone. */
export type TestAdmin = { username: string; isSudo?: boolean; usage?: bigint }

/** What is to happen in the background. */
type Outbox = {
  /** Bulk deletions to be looked at, in their order. */
  deletions: bigint[]
  /** Users to be read soon. */
  usernames: string[]
}

/** The application over a stand-in panel and a database of its own. Only the background work is started by hand. */
export type TestService = {
  app: App
  db: Database
  panel: StandInPanel
  /** What was logged so far at the level asked for, a line each. */
  logged: Record<string, unknown>[]
  /** The headers of a caller that has logged in at the panel as this admin. */
  as(username: string): { authorization: string }
  /** Lets every admin log in anew. */
  forgetTokens(): void
  /** What the panel was asked since this was last called, logins of the service aside. */
  takeAsked(): string[]
  /** How often a sync was asked for. */
  syncs: () => number
  /** What is written into the outbox since this was last called. */
  takeOutbox(): Promise<Outbox>
  poll(): Promise<void>
  /** Reads the users of every admin that the panel lists. */
  scan(): Promise<void>
  /** Carries out a bulk deletion, as the background work does. */
  carryOut(id: bigint | number): Promise<void>
  /** Settles what was left behind, as the background work does. */
  settle(): Promise<void>
  /** The id of the open account of an admin. */
  idOf(username: string): Promise<bigint>
  /** What the service itself asks the panel with. */
  client: PanelClient
  /** What scans read with. */
  reading: Pick<ReadingDeps, 'db' | 'panel' | 'now'>
  /** How often a connection to the database has been used and given back. */
  databaseUses(): number
  close(): Promise<void>
}

export type TestServiceOptions = Partial<AppOptions> & {
  admins: readonly TestAdmin[]
  /** False: a Marzban before 0.8, which keeps no usage of admins. */
  hasUsage?: boolean
  release?: Release
  database?: PanelDatabase
  logLevel?: string
  /** How the application reaches the database, if not directly. */
  reach?: (url: string) => Promise<string>
  /** Where the front passes requests on to, if not the stand-in panel. */
  upstream?: string
  /** Where the service itself looks for the panel, if not at the stand-in. */
  panelUrl?: string
  /** The certificates that the panel's may be signed by. */
  trusted?: TrustedCertificates
  /** How long the panel may take; what hangs is given up soon. */
  panelTimeoutMs?: number
  /** How many connections to the panel the front may have of each kind, and how long a request waits for one. */
  lanes?: { connections: number; waitMs: number }
  now?: () => number
  /** The panel's own clock, in milliseconds since 1970. */
  panelNow?: () => number
  /** Whom the panel's core serves. */
  serving?: Serving
  /** Why an account is held; left out: as the service itself finds it. */
  holdOf?: FrontWork['holdOf']
}

/** Starts a {@link TestService}; `close` it when done. */
export async function startTestService(options: TestServiceOptions): Promise<TestService> {
  const {
    admins,
    hasUsage,
    release,
    database: panelDatabase,
    logLevel = 'debug',
    reach,
    upstream,
    panelUrl,
    trusted,
    panelTimeoutMs = 800,
    lanes = {},
    now = Date.now,
    panelNow,
    serving,
    holdOf,
    ...appOptions
  } = options
  const database = await createTestDatabase()
  const url = reach ? await reach(database.url) : database.url
  const queue = createConnectionQueue(4)
  let uses = 0
  const giveBack = (served: boolean) => {
    uses += 1
    queue.giveBack(served)
  }
  const db = openDatabase({ url, connections: { ...queue, giveBack } })
  const standIn = await startPanel({
    ...(hasUsage !== undefined && { hasUsage }),
    ...(release && { release }),
    ...(panelDatabase && { database: panelDatabase }),
    ...(panelNow && { now: panelNow }),
    ...(serving && { serving }),
    sudo: { username: 'ledger', password: makeSecret() },
  })
  for (const { username, isSudo = false, usage = 0n } of admins) {
    standIn.state.createAdmin(username, { isSudo }).usage = usage
  }
  const panel = createPanelClient({
    url: panelUrl ?? standIn.url,
    ...standIn.sudo,
    trusted,
    timeoutMs: panelTimeoutMs,
    sleep: async () => {},
  })
  const worker = openWorkerSession(url)
  const observing = { db, panel, panelLag: createPanelLag(0) }
  const working = {
    ...observing,
    graceMs: 60_000,
    worker,
    now: Date.now,
    signal: new AbortController().signal,
  }
  const logged: Record<string, unknown>[] = []
  const log = createLogger('trace', {
    write: (text) => {
      keepOutput(text)
      const line = JSON.parse(text) as { level: number }
      if (line.level >= (levels.values[logLevel] ?? 0)) logged.push(line)
    },
  })
  const findHoldOf = (adminId: bigint) => readHoldOf(db, adminId)
  let syncs = 0
  const callers = createCallers({ db, panel, apiKey, now })
  const services = createLedgerApi({
    db,
    callers,
    stats: createStats({
      ...observing,
      pollIntervalSeconds: 15,
      scanIntervalSeconds: 600,
      now,
      onFailure: (error) => log.warn({ code: error.code }, error.message),
    }),
    deletions: createDeletions(working),
    now,
    requestPoll: async () => {
      syncs += 1
    },
  })
  // A test that keeps this process busy is no reason to shed load.
  const pressure = { maxEventLoopDelay: 0 }
  const forwarder = createForwarder({
    url: upstream ?? standIn.url,
    trusted,
    connectTimeoutMs: panelTimeoutMs,
    answerTimeoutMs: panelTimeoutMs,
    ...lanes,
  })
  const front = {
    front: createFront({
      ...working,
      callers,
      forwarder,
      api: marzbanApi,
      holdOf: holdOf ?? findHoldOf,
      log,
    }),
    prefixes: ['/api', '/sub', '/dashboard', '/statics'],
  }
  const app = buildApp({ services, log, version: '1.2.3', pressure, front, ...appOptions })
  await app.ready()

  // One for each admin: what the service remembers of a caller hangs on its token.
  const tokens = new Map<string, string>()
  const tokenOf = (username: string): string => {
    const { password = '' } = standIn.state.admins.get(username) ?? {}
    const logIn = () => standIn.tokens.logIn(new URLSearchParams({ username, password })).access_token
    const token = tokens.get(username) ?? logIn()
    tokens.set(username, token)
    return token
  }
  const idOf = async (username: string): Promise<bigint> => {
    const { id } = await db
      .selectFrom('admins')
      .select('id')
      .where('username', '=', username)
      .where('closed_at', 'is', null)
      .executeTakeFirstOrThrow()
    return id
  }
  return {
    app,
    db,
    panel: standIn,
    logged,
    as: (username) => ({ authorization: `Bearer ${tokenOf(username)}` }),
    forgetTokens: () => void tokens.clear(),
    takeAsked: () =>
      standIn.requests
        .splice(0)
        .map(({ method, path }) => `${method} ${path}`)
        .filter((call) => call !== 'POST /api/admin/token'),
    syncs: () => syncs,
    takeOutbox: () => takeAll(db),
    poll: async () => pollAdmins(observing, await drawAsked(db)),
    scan: async () => {
      for (const username of standIn.state.admins.keys()) {
        const due = await dueScanOf(db, await accountOf(db, username))
        await scanAdmin({ ...working, ...unhurried }, due)
      }
    },
    carryOut: (id) => carryOut(working, BigInt(id)),
    settle: () => settleDeletions(working),
    idOf,
    client: panel,
    reading: { ...working, ...unhurried },
    databaseUses: () => uses,
    close: async () => {
      await app.close()
      await worker.close()
      await panel.close()
      await forwarder.close()
      await standIn.close()
      await db.destroy()
      await database.drop()
    },
  }
}

async function takeAll(db: Database): Promise<Outbox> {
  const entries = await db.transaction().execute((tx) => takeOutbox(tx, 1_000_000))
  return {
    deletions: entries.flatMap((entry) => (entry.kind === 'bulk_deletion' ? entry.id : [])),
    usernames: entries.flatMap((entry) => (entry.kind === 'observation' ? entry.usernames : [])),
  }
}
