import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { isLedgerError, logFields } from './errors.ts'
import type { FrontOptions } from './http/front/routes.ts'
import { listen } from './http/server/listen.ts'
import { createJobs } from './jobs/jobs.ts'
import { createMarzban } from './panel/marzban/marzban.ts'
import { readTrustedCertificates } from './panel/transport/trusted-certificates.ts'
import { createConnectionQueue } from './store/connection/connection-queue.ts'
import { type Database, openDatabase } from './store/connection/database.ts'
import { migrateToLatest } from './store/connection/migrate.ts'
import { createQueueClock } from './store/connection/queue-clock.ts'
import { openWorkerSession } from './store/connection/worker-session.ts'
import { createOutboxListener } from './store/outbox/outbox-listener.ts'
import { createStats } from './work/accounts/stats.ts'
import { createCallers } from './work/callers/callers.ts'
import { checkPanelAccount } from './work/callers/check-panel-account.ts'
import { restAfterAnswer } from './work/collecting/panel-budget.ts'
import { createScanLog } from './work/collecting/scan-log.ts'
import { createSuspicionLog } from './work/collecting/suspicion-log.ts'
import { createDeletions } from './work/deleting/deletions.ts'
import { createFront } from './work/front/front.ts'
import type { FrontWork } from './work/front/front-request.ts'
import { holdOf } from './work/front/hold-of.ts'
import { createLedgerApi } from './work/ledger-api.ts'
import { createPanelLag } from './work/observing/panel-lag.ts'
import { logUnreadable } from './work/observing/unreadable-items.ts'

/** For each replica, besides a few for its jobs. A PostgreSQL server usually allows a hundred in all. */
const databaseConnections = 10
/** How long the start waits for a database that does not answer. */
const databasePatienceMs = 30_000

/**
 * Builds the service on the database at `databaseUrl` and starts it: migrations, background work, HTTP.
 *
 * @param closing collects how to stop each started part, so that a failed start can stop them too.
 * @returns where it listens, as `http://host:port`.
 * @throws `database_unavailable`, `config_invalid`.
 */
export async function assemble(
  config: Config,
  { databaseUrl, log }: { databaseUrl: string; log: Logger },
  closing: AsyncDisposableStack,
): Promise<string> {
  // First, since it fails at once or never.
  const trusted = config.panelCa === undefined ? undefined : await readTrustedCertificates(config.panelCa)
  const connections = createConnectionQueue(databaseConnections)
  const db = openDatabase({
    url: databaseUrl,
    connections,
    onIdleError: (error) => log.warn({ err: error }, 'a database connection was lost'),
  })
  closing.defer(() => db.destroy())
  await migrate(db, log)

  const {
    client: panel,
    forwarder,
    api,
    close,
  } = createMarzban({
    url: config.marzbanUrl,
    username: config.marzbanUsername,
    password: config.marzbanPassword,
    timeoutMs: config.panelTimeoutMs,
    trusted,
    log,
  })
  closing.defer(close)

  const onUnreadable = logUnreadable(log)
  const observing = { db, panel, panelLag: createPanelLag(config.panelLagMs), onUnreadable }
  // Measures durations. Setting the system's clock does not change it.
  const steady = () => performance.now()
  const stats = createStats({
    ...observing,
    pollIntervalSeconds: config.pollIntervalSeconds,
    scanIntervalSeconds: config.scanIntervalSeconds,
    onFailure: (error) => log.warn(logFields(error), `a caller gets stale figures: ${error.message}`),
  })
  const callers = createCallers({ db, panel, apiKey: config.apiKey ?? null, now: steady })

  const worker = openWorkerSession(databaseUrl)
  closing.defer(() => worker.close())
  const deleting = { ...observing, worker, now: steady, graceMs: 2 * config.panelTimeoutMs }

  const reading = { db, panel, rest: restAfterAnswer, now: steady, onUnreadable }
  const jobs = createJobs({
    databaseUrl,
    poll: {
      intervalSeconds: config.pollIntervalSeconds,
      work: {
        ...observing,
        onFailure: (error) => log.error(logFields(error), `the panel cannot be polled: ${error.message}`),
        onRecovery: () => log.info('the panel answers again'),
      },
      onAnswered: createSuspicionLog(db, log),
    },
    scan: {
      work: reading,
      options: {
        intervalSeconds: config.scanIntervalSeconds,
        onProgress: createScanLog(log, steady),
        onFailure: (admin, error) =>
          log.error(
            { admin, ...logFields(error) },
            `some users of an admin could not be read: ${error.message}`,
          ),
      },
    },
    deletions: { work: deleting },
    observations: { work: reading },
    limits: { db },
    holds: { work: { db, panel, graceMs: 2 * config.panelTimeoutMs } },
    outbox: { db, listenTo: (onWritten) => createOutboxListener(databaseUrl, onWritten) },
    clock: createQueueClock(db),
    onError: (error) => log.error({ err: error }, 'the job queue cannot reach the database'),
    onFailure: (queue, error) => {
      if (isLedgerError(error))
        log.warn({ queue, ...logFields(error) }, `a job has to wait: ${error.message}`)
      else log.error({ err: error, queue }, 'a job failed unexpectedly')
    },
  })
  closing.defer(() => jobs.stop())

  const deletions = createDeletions(deleting)
  const { requestPoll } = jobs
  const services = createLedgerApi({
    db,
    callers,
    stats,
    deletions,
    requestPoll,
    now: steady,
  })
  const app = buildApp({
    services,
    log,
    databaseWaitMs: connections.longestWaitMs,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    version: packageJson.version,
    webhookSecret: config.webhookSecret ?? null,
    front: openFront(config, {
      ...deleting,
      forwarder,
      api,
      callers,
      holdOf: (adminId) => holdOf(db, adminId),
      log,
    }),
  })
  closing.defer(() => app.close())
  await Promise.all([jobs.start(), app.ready()])
  const address = await listen(app, { host: config.host, port: config.port })
  // The panel may be down: the service answers from the ledger, and polls until the panel is back.
  checkPanelAccount(panel).then(
    (account) => log.info({ account: account.username }, 'the panel answers'),
    (error: unknown) => {
      if (isLedgerError(error)) log.error(logFields(error), error.message)
      else log.error({ err: error }, 'the panel account could not be checked')
    },
  )
  return address
}

/** Null: the front is off. */
function openFront({ frontPrefixes: prefixes }: Config, work: FrontWork): FrontOptions | null {
  return prefixes.length === 0 ? null : { front: createFront(work), prefixes }
}

async function migrate(db: Database, log: Logger): Promise<void> {
  const deadline = performance.now() + databasePatienceMs
  for (;;) {
    try {
      const onWait = () => log.info('another replica migrates the database; waiting for it')
      const steps = await migrateToLatest(db, { onWait })
      if (steps.length > 0) log.info({ steps }, 'the database was migrated')
      return
    } catch (error) {
      if (!isLedgerError(error, 'database_unavailable') || performance.now() > deadline) throw error
      log.warn({ cause: String(error.cause) }, 'the database does not answer yet; trying again')
      await setTimeout(1_000)
    }
  }
}
