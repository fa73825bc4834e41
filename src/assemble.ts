import type { Logger } from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { isLedgerError, logFields } from './errors.ts'
import type { FrontOptions } from './http/front/routes.ts'
import { drain } from './http/server/draining.ts'
import { listen } from './http/server/listen.ts'
import { createJobs } from './jobs/jobs.ts'
import { createMarzban } from './panel/marzban/marzban.ts'
import { readTrustedCertificates } from './panel/transport/trusted-certificates.ts'
import { createConnectionQueue } from './store/connection/connection-queue.ts'
import { openDatabase } from './store/connection/database.ts'
import { failureOfStart, prepareDatabase } from './store/connection/prepare-database.ts'
import { createQueueClock } from './store/connection/queue-clock.ts'
import { poolConfig } from './store/connection/session-client.ts'
import { databaseUnavailable } from './store/connection/unavailable.ts'
import { openWorkerSession } from './store/connection/worker-session.ts'
import { createOutboxListener } from './store/outbox/outbox-listener.ts'
import { createStats } from './work/accounts/stats.ts'
import { createCallers } from './work/callers/callers.ts'
import { checkPanelAccount } from './work/callers/check-panel-account.ts'
import { createFailureLog } from './work/collecting/failure-log.ts'
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

/**
 * Builds the service on the database at `databaseUrl` and starts it: migrations, background work, HTTP.
 *
 * @param closing collects how to stop each started part, so that a failed start can stop them too.
 * @returns where it listens, as `http://host:port`.
 * @throws `database_unavailable`, `config_invalid`.
 */
export async function assemble(
  config: Config,
  { databaseUrl, log, now }: { databaseUrl: string; log: Logger; now: () => number },
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
  await prepareDatabase(db, databaseUrl, {
    onWait: (reason) => log.warn({ reason }, `waiting for the database: ${reason}`),
    onOtherReplica: () => log.info('another replica migrates the database; waiting for it'),
    onMigrated: (steps) => log.info({ steps }, 'the database was migrated'),
  })

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
    now: steady,
    onFailure: (error) => log.warn(logFields(error), `a caller gets stale figures: ${error.message}`),
  })
  const callers = createCallers({ db, panel, apiKey: config.apiKey ?? null, now: steady })

  const worker = openWorkerSession(databaseUrl)
  closing.defer(() => worker.close())
  const deleting = { ...observing, worker, now: steady, graceMs: 2 * config.panelTimeoutMs }

  const reading = { db, panel, rest: restAfterAnswer, now: steady, onUnreadable }
  const failures = createFailureLog(now)
  const noteSuspicion = await createSuspicionLog(db, log)
  const jobs = createJobs({
    connection: poolConfig(databaseUrl, 'marzban-ledger-jobs'),
    poll: {
      intervalSeconds: config.pollIntervalSeconds,
      work: {
        ...observing,
        onFailure: (error) => log.error(logFields(error), `the panel cannot be polled: ${error.message}`),
        onFailedPoll: (error) => failures.failed({ kind: 'panel' }, error),
        onRecovery: () => log.info('the panel answers again'),
      },
      onAnswered: () => {
        failures.succeeded({ kind: 'panel' })
        return noteSuspicion()
      },
    },
    scan: {
      work: reading,
      options: {
        intervalSeconds: config.scanIntervalSeconds,
        onProgress: createScanLog(log, steady),
        onScanned: (admin) => failures.succeeded({ kind: 'scan', about: admin }),
        onFailure: (admin, error) => {
          failures.failed({ kind: 'scan', about: admin }, error)
          log.error(
            { admin, ...logFields(error) },
            `some users of an admin could not be read: ${error.message}`,
          )
        },
      },
    },
    deletions: { work: deleting },
    observations: { work: reading },
    limits: { db },
    holds: { work: { db, panel, graceMs: 2 * config.panelTimeoutMs } },
    outbox: { db, listenTo: (onWritten) => createOutboxListener(databaseUrl, onWritten) },
    clock: createQueueClock(db),
    checkSessions: () => worker.check(),
    onError: (error) => {
      failures.failed({ kind: 'queues' }, databaseUnavailable(error))
      log.error({ err: error }, 'the job queue cannot reach the database')
    },
    onSuccess: (work) => {
      failures.succeeded({ kind: 'queues' })
      failures.succeeded(work)
    },
    onFailure: (work, error) => {
      failures.failed(work, error)
      const { kind: queue, about } = work
      if (isLedgerError(error))
        log.warn({ queue, about, ...logFields(error) }, `a job has to wait: ${error.message}`)
      else log.error({ err: error, queue, about }, 'a job failed unexpectedly')
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
    failures: failures.list,
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
  closing.defer(() => drain(app))
  const starting = jobs.start().catch((error: unknown) => {
    throw failureOfStart(error, databaseUrl)
  })
  await Promise.all([starting, app.ready()])
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
