import pg from 'pg'
import { openCluster } from './cluster.ts'
import { removeUnfinished } from './create-cluster.ts'
import { type EmbeddedLog, keepLease } from './keep-lease.ts'
import { database, urlOf } from './layout.ts'
import { acquireLease } from './lease.ts'
import { keepServerLogBounded } from './server-log.ts'

/** A PostgreSQL server of the service's own. */
export type EmbeddedPostgres = {
  /** `postgres://` with the password, of the database `marzban_ledger`. The same until `stop`, also after a restart. */
  url: string
  /** Ends the server and cuts open sessions. Takes at most half a minute. A second call waits for the same end. */
  stop(): Promise<void>
}

export type EmbeddedOptions = {
  /** Where to keep the data, below `postgres`; made when missing. */
  dataDir: string
  log: EmbeddedLog
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
  /** PostgreSQL settings over the built-in ones (`serverSettings`). */
  settings?: Readonly<Record<string, string>>
  /** Ends a start that is under way, and the server that it has started. */
  signal?: AbortSignal
}

/**
 * Serves the PostgreSQL cluster in `dataDir`; the first start makes it. A start after a crash keeps the server that a killed
 * service left behind. While the service runs, a server that dies is started again at the same address.
 *
 * @throws `data_dir_in_use` when another service uses the directory; `config_invalid` when this machine can't run the server
 *   or the server can't serve the directory; `database_unavailable` when the server gives up.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, now, settings = {}, signal } = options
  const cluster = await openCluster(dataDir, now)
  signal?.throwIfAborted()
  const lease = await acquireLease(cluster, { settings, now, ...(signal && { signal }) })
  const keeper = keepLease(cluster, lease, { settings, now, log })
  const ending = new AbortController()
  const bounding = keepServerLogBounded(cluster, ending.signal)
  const end = async () => {
    ending.abort()
    await bounding
    await keeper.stop()
  }
  try {
    await removeUnfinished(cluster.home)
    await ensureDatabase(lease.session)
  } catch (error) {
    await end()
    throw error
  }
  log.info({ port: lease.port, postmaster: lease.pid }, 'The embedded database serves.')
  let ended: Promise<void> | undefined
  return {
    url: urlOf(cluster, lease.port, database),
    stop: () => {
      ended ??= end()
      return ended
    },
  }
}

/** A service may be killed after it made the cluster and before it came here; its next start makes the database. */
async function ensureDatabase(session: pg.Client): Promise<void> {
  const { rowCount } = await session.query('select from pg_database where datname = $1', [database])
  if (rowCount === 0) await session.query(`create database ${pg.escapeIdentifier(database)}`)
}
