import { setTimeout } from 'node:timers/promises'
import { LedgerError } from '../../errors.ts'
import type { App } from '../app-type.ts'

/**
 * Starts listening.
 *
 * @param address `port` 0: the system chooses a free one.
 * @returns where it listens, as `http://host:port`.
 * @throws `config_invalid` when the address is in use, forbidden, or not one of this machine.
 */
export async function listen(app: App, address: { host: string; port: number }): Promise<string> {
  await calmDown(app)
  try {
    return await app.listen(address)
  } catch (error) {
    const remedy = remedyOf(error, address)
    if (remedy === null) throw error
    throw new LedgerError('config_invalid', remedy, { cause: error })
  }
}

function remedyOf(error: unknown, { host, port }: { host: string; port: number }): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  const hint = 'HOST and PORT say where the service listens.'
  if (code === 'EADDRINUSE') return `Port ${port} of ${host} is in use by another program. ${hint}`
  if (code === 'EACCES') return `This account may not listen on port ${port}. ${hint}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `This machine has no address ${host} (${code}). ${hint}`
  }
  return null
}

/** Two rounds of what is measured. */
const calmAtMostMs = 2_000
const lookEveryMs = 50

/** Its start keeps the process so busy that it would refuse the first requests as too many. */
async function calmDown(app: App): Promise<void> {
  let waited = 0
  do {
    // Without a pause the last measurement would be from before.
    await setTimeout(lookEveryMs)
    waited += lookEveryMs
  } while (app.isUnderPressure() && waited < calmAtMostMs)
}
