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
 * The right to start and stop the cluster's server, and to be the only service that uses it: an advisory lock that a session
 * of its own holds. However the service dies, the server frees the lock at once.
 */
export type Lease = {
  port: number
  pid: number
  /** The session that holds the lock, in the maintenance database. */
  session: pg.Client
  /** Resolves when the session ends, and the lock with it. */
  lost: Promise<void>
}

/** A lock in the database `postgres`, where the ledger has no locks of its own. */
const lockKey = '6012024471'
/** The server notices within milliseconds that a service was killed; a busy machine needs more. */
const lockPatienceMs = 2_000
/** Recovery from a crash replays at most a whole write-ahead log, which takes seconds. */
const serverPatienceMs = 120_000
/** A start fails for a moment while another program has the port, or while the last processes of a dead server end. */
const launches = 10

export type LeaseOptions = {
  settings: Readonly<Record<string, string>>
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
  /** The port for a server that is started now; left out: a free one. */
  port?: number
  /** Ends the attempt, and the server if this attempt started it. */
  signal?: AbortSignal
}

/** A server that answers, or may answer soon. `launched`: this attempt started it. */
type Server = { port: number; pid: number; launched: Launched | undefined }

/**
 * Finds the cluster's server or starts one, and acquires the lease.
 *
 * @throws `data_dir_in_use` when another service has it.
 */
export async function acquireLease(cluster: Cluster, options: LeaseOptions): Promise<Lease> {
  const deadline = performance.now() + serverPatienceMs
  let reason = ''
  for (let launched = 0; launched < launches && performance.now() < deadline; ) {
    const server = await findOrLaunch(cluster, options)
    if (typeof server === 'string') throw unavailable(cluster, server)
    const lease = await lockServer(cluster, server, deadline, options.signal)
    if (typeof lease !== 'string') return lease
    if (options.signal?.aborted) {
      if (server.launched !== undefined) await stopPostmaster(server.pid, cluster.data)
      break
    }
    reason = lease
    if (server.launched !== undefined) launched += 1
    await delay(100)
  }
  throw unavailable(cluster, reason)
}

async function findOrLaunch(cluster: Cluster, options: LeaseOptions): Promise<Server | string> {
  const found = await findPostmaster(cluster.data, options.now)
  if (found.state === 'running') return { ...found.postmaster, launched: undefined }
  const port = options.port ?? (await freePort())
  const { strayPid } = found
  const launched = await launch(cluster, { port, strayPid, settings: options.settings })
  if (launched.pid === undefined) return (await launched.failure()) ?? 'it did not start'
  return { port, pid: launched.pid, launched }
}

/** Waits until the server answers, and takes the lock. Returns the reason when the server ends instead. */
async function lockServer(
  cluster: Cluster,
  server: Server,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Lease | string> {
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
    application_name: 'marzban-ledger lease',
  })
  // Whatever breaks the session also ends it, and `lost` waits for its end.
  session.on('error', () => undefined)
  try {
    await session.connect()
    return session
  } catch (error) {
    await session.end().catch(() => undefined)
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * @returns true: the lock is ours; false: the session broke.
 * @throws `data_dir_in_use` when another service keeps the lock.
 */
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
    // The question may be what failed: a session that is left open could get the lock later, and keep it from the next one.
    session.end().catch(() => undefined)
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
