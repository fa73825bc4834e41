import closeWithGrace from 'close-with-grace'
import { readConfig } from './config.ts'
import { listenForEnd } from './end-signals.ts'
import { isLedgerError } from './errors.ts'
import { createLogger } from './log.ts'
import { startService } from './service.ts'

/** Past this, whatever still hangs is left behind: the ledger has stored what it acknowledged. */
const drainMs = 20_000

/** What only the process itself has. */
export type ProcessParts = {
  environment: Record<string, string | undefined>
  /** Milliseconds since 1970, as files are dated. */
  now: () => number
}

/**
 * Starts the service as `environment` says, to run until a signal ends it, or the npm that started it is gone.
 *
 * @returns the exit code of this process as things stand: 1 when the service cannot start, with the reason on standard
 *   error.
 */
export async function run({ environment, now }: ProcessParts): Promise<0 | 1> {
  try {
    const config = readConfig(environment)
    const log = createLogger(config.logLevel)
    const service = await startService(config, { log, now })
    log.info(`ready on ${service.address}`)
    // Those two are listened for below.
    const skip: ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM']
    const grace = closeWithGrace({ delay: drainMs, logger: false, skip }, async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'stopping after a failure nobody caught')
      else if (signal) log.info({ signal }, 'draining')
      await service.stop()
      log.info('stopped')
    })
    listenForEnd({
      now: () => performance.now(),
      withParent: environment.npm_lifecycle_event !== undefined,
      onEnd: (reason) => {
        log.info({ signal: reason }, 'draining')
        grace.close()
      },
      onSecond: () => process.exit(1),
    })
    return 0
  } catch (error) {
    if (!isLedgerError(error)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}
