/** `npm run demo`: the service on an embedded PostgreSQL, with a stand-in panel that has traffic, until Ctrl-C. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { type Config, readConfig } from '../../src/config.ts'
import { listenForEnd } from '../../src/end-signals.ts'
import { isLedgerError } from '../../src/errors.ts'
import { createLogger } from '../../src/log.ts'
import { type Service, startService } from '../../src/service.ts'
import { startPanel } from '../stand-in/start.ts'
import { makeRunDir } from '../support/run-dir.ts'
import { createLimitStory } from './limit-story.ts'
import { createResellerWorld, resellers } from './reseller-world.ts'
import { deletion, heading, news, row, welcome } from './view.ts'

const consumeMs = 250
const rowMs = 2_000
const rowsBetweenDeletions = 3
const rowsBetweenHeadings = 20

const closing = new AsyncDisposableStack()
const ending = new AbortController()
const skip: ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM']
const grace = closeWithGrace({ delay: 30_000, logger: false, skip }, async ({ err }) => {
  ending.abort()
  if (err) console.error(isLedgerError(err) ? err.message : err)
  else console.log('\nThe demo stops and removes its data.')
  await closing.disposeAsync()
})
listenForEnd({
  now: () => performance.now(),
  withParent: process.env.npm_lifecycle_event !== undefined,
  onEnd: () => grace.close(),
  onSecond: () => process.exit(1),
})

console.log('Starting PostgreSQL, a stand-in for a Marzban panel, and the ledger ...')
const key = randomBytes(24).toString('hex')
const runDir = await makeRunDir()
closing.defer(() => runDir.remove())
const panel = await startPanel({ costs: true })
closing.defer(() => panel.close())
const world = createResellerWorld(panel.state)
const consuming = setInterval(() => world.consume(), consumeMs)
closing.defer(() => clearInterval(consuming))

const config = readConfig({
  MARZBAN_URL: panel.url,
  MARZBAN_USERNAME: panel.sudo.username,
  MARZBAN_PASSWORD: panel.sudo.password,
  // A folder of its own: who removes the directory after a kill ends the databases of its folders.
  DATA_DIR: path.join(runDir.path, 'ledger'),
  API_KEY: key,
  PORT: process.env.PORT,
  POLL_INTERVAL: '1',
  SCAN_INTERVAL: '10',
  PANEL_LAG: '1',
  LOG_LEVEL: 'warn',
})
const { address } = await start(config)
let accounts = await readAccounts()
while (accounts.length < resellers.length && !ending.signal.aborted) {
  await setTimeout(100)
  accounts = await readAccounts()
}
const [reseller] = resellers
const accountId = accounts.find(({ username }) => username === reseller)?.id ?? 1
console.log(welcome(address, key, { accountId, username: world.lightest(reseller) }))

const limited = resellers[2]
const limitedId = accounts.find(({ username }) => username === limited)?.id ?? 0
const story = createLimitStory(call, limitedId, limited)

for (let rows = 0; !ending.signal.aborted; rows += 1) {
  if (rows % rowsBetweenHeadings === 0) console.log(heading())
  const totals = new Map((await readAccounts()).map((account) => [account.username, account.total_traffic]))
  console.log(
    row(resellers.map((name) => ({ panel: world.panelSum(name), ledger: BigInt(totals.get(name) ?? 0) }))),
  )
  const deleted = rows % rowsBetweenDeletions === 1 ? world.deleteOne() : null
  if (deleted) console.log(deletion(deleted))
  for (const line of await story.next()) console.log(news(line))
  await setTimeout(rowMs, undefined, { signal: ending.signal }).catch(() => {})
}

/** Starts the service. If PORT is not set and the default port is taken, it uses any free port. */
async function start(asked: Config): Promise<Service> {
  const log = createLogger(asked.logLevel)
  const service = await startService(asked, { log, now: Date.now }).catch((error: unknown) => {
    if (process.env.PORT || !isLedgerError(error, 'config_invalid')) throw error
    return startService({ ...asked, port: 0 }, { log, now: Date.now })
  })
  closing.defer(() => service.stop())
  return service
}

async function call(method: string, target: string, body?: object): Promise<unknown> {
  const headers = { 'x-api-key': key, ...(body && { 'content-type': 'application/json' }) }
  const request = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  let answer = await fetch(address + target, request)
  // A machine that is slow to start the demo lets the service shed load.
  while (answer.status === 503 && !ending.signal.aborted) {
    await setTimeout(500)
    answer = await fetch(address + target, request)
  }
  return answer.json()
}

async function readAccounts(): Promise<{ id: number; username: string; total_traffic: number }[]> {
  const { items } = (await call('GET', '/admins?sort=id')) as {
    items: Awaited<ReturnType<typeof readAccounts>>
  }
  return items.filter(({ username }) => (resellers as readonly string[]).includes(username))
}
