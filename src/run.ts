import { stat } from 'node:fs/promises'
import path from 'node:path'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { readConfig } from './config.ts'
import { listenForEnd } from './end-signals.ts'
import { isLedgerError } from './errors.ts'
import { createLogger } from './log.ts'
import { startService } from './service.ts'

/** After this time the process ends with whatever still hangs: the ledger has stored everything that it has confirmed. */
const drainMs = 20_000

/** What only the process itself has. */
export type ProcessParts = {
  environment: Record<string, string | undefined>
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
  /** The file of variables that was read; null: there is none. */
  envFile: string | null
}

/**
 * Starts the service as `environment` says. It runs until a signal ends it, or until the npm that started it has ended. Both
 * end a start as well.
 *
 * @returns the exit code of this process: 1 when the service cannot start; standard error then says why.
 */
export async function run({ environment, now, envFile }: ProcessParts): Promise<0 | 1> {
  try {
    const config = readConfig(environment)
    const log = createLogger(config.logLevel)
    const interrupting = new AbortController()
    let end = () => interrupting.abort()
    listenForEnd({
      now: () => performance.now(),
      withParent: environment.npm_lifecycle_event !== undefined,
      onEnd: (reason) => {
        log.info({ signal: reason }, 'draining')
        end()
      },
      onSecond: () => process.exit(1),
    })
    if (envFile !== null) await warnIfOpen(envFile, log)
    const { signal: interrupted } = interrupting
    const service = await startService(config, { log, now, interrupted }).catch((error: unknown) => {
      if (!interrupted.aborted) throw error
      log.info('stopped')
      // Nothing is under way that was confirmed to anybody. What the start has opened ends with this process.
      process.exit(0)
    })
    log.info(`ready on ${service.address}`)
    // `listenForEnd` above listens for these two.
    const skip: ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM']
    const grace = closeWithGrace({ delay: drainMs, logger: false, skip }, async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'stopping after an unexpected error')
      else if (signal) log.info({ signal }, 'draining')
      await service.stop()
      log.info('stopped')
    })
    end = () => void grace.close()
    return 0
  } catch (error) {
    if (!isLedgerError(error)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

/** The file holds the panel's password. A group may be the service's own; everybody is too many. */
async function warnIfOpen(envFile: string, log: Logger): Promise<void> {
  const { mode } = await stat(envFile)
  // Windows has other rights, which the mode does not show.
  if (process.platform === 'win32' || (mode & 0o007) === 0) return
  const file = path.resolve(envFile)
  log.warn(
    { file },
    `every user of this machine can open ${file}, which holds passwords: run chmod 600 ${file}`,
  )
}
