import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { startEmbeddedPostgres } from './postgres/start.ts'

/** What the process gives to the service. */
export type Surroundings = {
  log: Logger
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
  /** Ends the start, and an embedded database with it; left out: nothing does. It has no effect on what has started. */
  interrupted?: AbortSignal
}

export type Service = {
  /** Where the service listens, as `http://host:port`. */
  address: string
  /** Finishes what is under way, at most for some seconds, and closes everything. */
  stop(): Promise<void>
}

/**
 * Starts the whole service: database, migrations, background work, HTTP.
 *
 * @throws `data_dir_in_use`, `database_unavailable`, `config_invalid` when the machine lacks what the configuration asks for;
 *   anything when it is interrupted: then what the start has opened is left to the end of the process.
 */
export async function startService(config: Config, around: Surroundings): Promise<Service> {
  const closing = new AsyncDisposableStack()
  const embedded = closing.use(new AsyncDisposableStack())
  const { interrupted } = around
  try {
    // Loading the program takes as long as starting PostgreSQL: do both at once.
    const program = import('./assemble.ts')
    const databaseUrl = config.databaseUrl ?? (await embed(config, around, embedded))
    const { assemble } = await program
    const assembling = () => assemble(config, { databaseUrl, ...around }, closing)
    const address = await unlessInterrupted(assembling, interrupted)
    return { address, stop: () => closing.disposeAsync() }
  } catch (error) {
    // The embedded database would outlive this process. Whatever waits for it fails at once.
    await (interrupted?.aborted ? embedded : closing).disposeAsync()
    throw error
  }
}

async function embed(config: Config, around: Surroundings, closing: AsyncDisposableStack): Promise<string> {
  const { log, now, interrupted: signal } = around
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log,
    now,
    ...(signal && { signal }),
  })
  closing.defer(() => postgres.stop())
  return postgres.url
}

async function unlessInterrupted<T>(start: () => Promise<T>, interrupted?: AbortSignal): Promise<T> {
  if (!interrupted) return start()
  interrupted.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  interrupted.addEventListener('abort', () => reject(interrupted.reason))
  return Promise.race([start(), promise])
}
