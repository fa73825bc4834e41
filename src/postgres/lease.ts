import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { LedgerError } from '../errors.ts'
import { freePort } from './free-port.ts'
import { type Launched, launch } from './launch.ts'
import { type Cluster, urlOf } from './layout.ts'
import { findPostmaster, isPostmaster, stopPostmaster } from './postmaster.ts'
import { serverLogFile } from './server-log.ts'

/**
 * The right to start and stop the cluster's server, and to be the one service that uses it: an advisory lock held by a
 * session of its own. The server takes it back the moment the service dies, however it dies.
 */
export type Seat = {
  port: number
  pid: number
  /** The session that holds the lock, in the maintenance database. */
  session: pg.Client
  /** Settles when the session is gone, and the lock with it. */
  lost: Promise<void>
}

/** Kept in the database `postgres`, where no lock of the ledger's own can meet it. */
const lockKey = '6012024471'
/** A service that was just killed is noticed by the server within milliseconds; a busy machine is given more. */
const lockPatienceMs = 2_000
/** Recovering from a crash replays at most the write-ahead log's bound, seconds' worth of work. */
const serverPatienceMs = 120_000
/** A start fails for a moment when the port was just taken, or a dead server's last processes are still going. */
const launches = 10

export type SeatOptions = {
  settings: Readonly<Record<string, string>>
  /** The port that a server started now has to listen on; without it, any. */
  port?: number
  /** Gives up, and ends the server if this attempt started it. */
  signal?: AbortSignal
}

/** A server that answers or may soon: one that was running already, or one that this attempt started. */
type Server = { port: number; pid: number; launched: Launched | undefined }

/** Finds the cluster's server or starts one, and takes the seat; `data_dir_in_use` when another service has it. */
export async function takeSeat(cluster: Cluster, options: SeatOptions): Promise<Seat> {
  const deadline = performance.now() + serverPatienceMs
  let reason = ''
  for (let launched = 0; launched < launches && performance.now() < deadline; ) {
    const server = await findOrLaunch(cluster, options)
    if (typeof server === 'string') throw unavailable(cluster, server)
    const seat = await sitDown(cluster, server, deadline, options.signal)
    if (typeof seat !== 'string') return seat
    if (options.signal?.aborted) {
      if (server.launched !== undefined) await stopPostmaster(server.pid, cluster.data)
      break
    }
    reason = seat
    if (server.launched !== undefined) launched += 1
    await delay(100)
  }
  throw unavailable(cluster, reason)
}

async function findOrLaunch(cluster: Cluster, options: SeatOptions): Promise<Server | string> {
  const found = await findPostmaster(cluster.data)
  if (found.state === 'running') return { ...found.postmaster, launched: undefined }
  const port = options.port ?? (await freePort())
  const { strayPid } = found
  const launched = await launch(cluster, { port, strayPid, settings: options.settings })
  if (launched.pid === undefined) return (await launched.failure()) ?? 'it did not start'
  return { port, pid: launched.pid, launched }
}

/** Waits for the server to answer and takes the lock. Returns the reason when the server went away instead. */
async function sitDown(
  cluster: Cluster,
  server: Server,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Seat | string> {
  let reason = 'it does not answer'
  while (performance.now() < deadline && !signal?.aborted) {
    const session = await connect(cluster, server.port)
    if (session instanceof pg.Client) {
      const lost = new Promise<void>((resolve) => session.once('end', resolve))
      if (await lock(cluster, session)) return { port: server.port, pid: server.pid, session, lost }
      reason = 'it ended our session'
    } else {
      reason = session.message
      await delay(10)
    }
    const failure = await whyGone(cluster, server)
    if (failure !== undefined) return failure
    if (isWrongPassword(session)) throw wrongPassword(cluster, session)
  }
  return reason
}

async function whyGone(cluster: Cluster, server: Server): Promise<string | undefined> {
  if (server.launched !== undefined) return server.launched.failure()
  return (await isPostmaster(server.pid, cluster.data)) ? undefined : 'it ended'
}

async function connect(cluster: Cluster, port: number): Promise<pg.Client | Error> {
  const session = new pg.Client({
    connectionString: urlOf(cluster, port, 'postgres'),
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    application_name: 'marzban-ledger seat',
  })
  // What breaks the session also ends it, and its end is what is waited for.
  session.on('error', () => undefined)
  try {
    await session.connect()
    return session
  } catch (error) {
    await session.end().catch(() => undefined)
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** True when the lock is ours, false when the session broke; throws when another service keeps it. */
async function lock(cluster: Cluster, session: pg.Client): Promise<boolean> {
  const deadline = performance.now() + lockPatienceMs
  try {
    for (;;) {
      const { rows } = await session.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
        lockKey,
      ])
      if (rows[0]?.held === true) return true
      if (performance.now() > deadline) break
      await delay(50)
    }
  } catch {
    return false
  }
  await session.end()
  throw new LedgerError(
    'data_dir_in_use',
    `Another running service uses DATA_DIR ${path.dirname(cluster.home)}. Stop it, or give this one a DATA_DIR of its own.`,
    { field: 'DATA_DIR' },
  )
}

function isWrongPassword(session: pg.Client | Error): session is pg.DatabaseError {
  return session instanceof pg.DatabaseError && session.code === '28P01'
}

function wrongPassword(cluster: Cluster, cause: Error): LedgerError {
  return new LedgerError(
    'config_invalid',
    `The database below DATA_DIR refuses the password in ${path.join(cluster.home, 'password')}. Put back the file that belongs to it.`,
    { field: 'DATA_DIR', cause },
  )
}

function unavailable(cluster: Cluster, reason: string): LedgerError {
  return new LedgerError(
    'database_unavailable',
    `The embedded PostgreSQL does not serve DATA_DIR ${path.dirname(cluster.home)}; its log is ${serverLogFile(cluster)}. ${reason}`,
  )
}
