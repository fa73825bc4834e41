import { existsSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import { readConfig } from './config.ts'
import { isLedgerError } from './errors.ts'
import { createLogger } from './log.ts'
import { startService } from './service.ts'

/** Past this, whatever still hangs is left behind: the ledger has stored what it acknowledged. */
const drainMs = 20_000

try {
  if (existsSync('.env')) process.loadEnvFile()
  const config = readConfig(process.env)
  const log = createLogger(config.logLevel)
  const service = await startService(config, log)
  log.info(`ready on ${service.address}`)
  closeWithGrace({ delay: drainMs, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after a failure nobody caught')
    else log.info({ signal }, 'draining')
    await service.stop()
    log.info('stopped')
  })
} catch (error) {
  if (!isLedgerError(error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
