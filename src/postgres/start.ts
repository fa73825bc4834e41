import pg from 'pg'
import { openCluster } from './cluster.ts'
import { removeUnfinished } from './create-cluster.ts'
import { type EmbeddedLog, keepSeat } from './keep-lease.ts'
import { database, urlOf } from './layout.ts'
import { takeSeat } from './lease.ts'
import { boundServerLog } from './server-log.ts'

/** A PostgreSQL server of the service's own. */
export type EmbeddedPostgres = {
  /** `postgres://` with the password, of the database `marzban_ledger`. The same until `stop`, also after a restart. */
  url: string
  /** Ends the server; sessions still open are cut. Takes at most half a minute. Calling it again waits for the same end. */
  stop(): Promise<void>
}

export type EmbeddedOptions = {
  /** Where to keep the data, below `postgres`; made when missing. */
  dataDir: string
  log: EmbeddedLog
  /** PostgreSQL settings over the built-in ones (`serverSettings`). */
  settings?: Readonly<Record<string, string>>
}

/**
 * Serves the PostgreSQL cluster in `dataDir`, making it at the first start. A server that a killed service left behind
 * is taken over as it is. While the service runs, a server that dies is started again at the same address.
 *
 * Throws `data_dir_in_use` when another service uses the directory, `config_invalid` when this machine can't run the
 * server or the directory can't be served, `database_unavailable` when the server gives up.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, settings = {} } = options
  const cluster = await openCluster(dataDir)
  const seat = await takeSeat(cluster, { settings })
  const keeper = keepSeat(cluster, seat, { settings, log })
  const bounding = setInterval(() => void boundServerLog(cluster).catch(() => undefined), 60_000)
  bounding.unref()
  const end = async () => {
    clearInterval(bounding)
    await keeper.stop()
  }
  try {
    await removeUnfinished(cluster.home)
    await ensureDatabase(seat.session)
  } catch (error) {
    await end()
    throw error
  }
  log.info({ port: seat.port, pid: seat.pid }, 'The embedded database serves.')
  let ended: Promise<void> | undefined
  return {
    url: urlOf(cluster, seat.port, database),
    stop: () => {
      ended ??= end()
      return ended
    },
  }
}

/** A service killed between the cluster's making and this finds it missing here at its next start. */
async function ensureDatabase(session: pg.Client): Promise<void> {
  const { rowCount } = await session.query('select from pg_database where datname = $1', [database])
  if (rowCount === 0) await session.query(`create database ${pg.escapeIdentifier(database)}`)
}
