import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { startEmbeddedPostgres } from './postgres/start.ts'

/** What the process gives to the service. */
export type Surroundings = {
  log: Logger
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
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
 * @throws `data_dir_in_use`, `database_unavailable`, `config_invalid` when the machine lacks what the configuration asks for.
 */
export async function startService(config: Config, around: Surroundings): Promise<Service> {
  const closing = new AsyncDisposableStack()
  try {
    // Loading the program takes as long as starting PostgreSQL: do both at once.
    const program = import('./assemble.ts')
    const databaseUrl = config.databaseUrl ?? (await embed(config, around, closing))
    const { assemble } = await program
    const address = await assemble(config, { databaseUrl, ...around }, closing)
    return { address, stop: () => closing.disposeAsync() }
  } catch (error) {
    await closing.disposeAsync()
    throw error
  }
}

async function embed(config: Config, around: Surroundings, closing: AsyncDisposableStack): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, ...around })
  closing.defer(() => postgres.stop())
  return postgres.url
}
