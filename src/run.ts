import closeWithGrace from 'close-with-grace'
import { readConfig } from './config.ts'
import { isLedgerError } from './errors.ts'
import { createLogger } from './log.ts'
import { startService } from './service.ts'

/** Past this, whatever still hangs is left behind: the ledger has stored what it acknowledged. */
const drainMs = 20_000

/**
 * Starts the service as `environment` says, to run until a signal ends it.
 *
 * @returns the exit code of this process as things stand: 1 when the service cannot start, with the reason on standard
 *   error.
 */
export async function run(environment: Record<string, string | undefined>): Promise<0 | 1> {
  try {
    const config = readConfig(environment)
    const log = createLogger(config.logLevel)
    const service = await startService(config, log)
    log.info(`ready on ${service.address}`)
    closeWithGrace({ delay: drainMs, logger: false }, async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'stopping after a failure nobody caught')
      else log.info({ signal }, 'draining')
      await service.stop()
      log.info('stopped')
    })
    return 0
  } catch (error) {
    if (!isLedgerError(error)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}
