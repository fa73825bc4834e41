/**
 * `npm run deletions -- <id>`: follows a deletion in the terminal until it has ended. LEDGER (an http:// address; the
 * service of .env on this machine if not set) and API_KEY say whom to ask. Exits with 0 when everything was deleted,
 * 1 when something was not, 2 when nothing can be told.
 */
import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { setTimeout } from 'node:timers/promises'

const width = 30
const everyMs = 1_000
/** A service that is started again is missed for some seconds. */
const missedAtMost = 60

type Report = {
  state: string
  finished_at: string | null
  code: string | null
  detail: string | null
  total?: number
  done?: number
  failed?: number
  rate?: number | null
  seconds_left?: number | null
  failures?: { username: string | null; detail: string | null }[]
}

if (existsSync('.env')) process.loadEnvFile()
const { LEDGER, HOST, PORT, API_KEY = '' } = process.env
// Empty counts as not set, as it does for the service.
const ledger = LEDGER || `http://${reach(HOST || '127.0.0.1')}:${PORT || 8080}`
const [id = ''] = process.argv.slice(2)
process.exitCode = await follow()

async function follow(): Promise<0 | 1 | 2> {
  if (!/^\d+$/.test(id)) return giveUp('Say which deletion: npm run deletions -- 12')
  for (let missed = 0; ; await setTimeout(everyMs)) {
    const answer = await ask().catch(() => null)
    if (answer === null || answer.status >= 500) {
      missed += 1
      if (missed > missedAtMost) return giveUp(`\n${ledger} does not answer.`)
      continue
    }
    if (answer.status !== 200) {
      const { detail = `It answers ${answer.status}.` } = (await answer.json()) as { detail?: string }
      return giveUp(`\n${detail} LEDGER and API_KEY say whom to ask as whom.`)
    }
    missed = 0
    const report = (await answer.json()) as Report
    draw(report)
    if (report.finished_at !== null) return conclude(report)
  }
}

/** Where a service is reached from here that listens on `host`. */
function reach(host: string): string {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return isIPv6(address) ? `[${address}]` : address
}

function ask(): Promise<Response> {
  const signal = AbortSignal.timeout(10_000)
  return fetch(`${ledger}/deletions/${id}`, { headers: { 'x-api-key': API_KEY }, signal })
}

/** On a terminal the line is drawn over the one before. */
function draw(report: Report): void {
  const {
    total = 1,
    done = report.state === 'deleted' ? 1 : 0,
    failed = 0,
    rate,
    seconds_left: left,
  } = report
  const share = total === 0 ? 1 : (done + failed) / total
  const bar = '#'.repeat(Math.floor(share * width)).padEnd(width, '.')
  const speed = rate ? `, ${rate.toFixed(1)}/s` : ''
  const time = left && report.finished_at === null ? `, ${Math.ceil(left)} s left` : ''
  const wait = report.code !== null && report.finished_at === null ? `, waits (${report.code})` : ''
  const line = `[${bar}] ${done} of ${total} deleted, ${failed} failed${speed}${time}${wait}`
  process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
}

function conclude({ state, detail, failures = [] }: Report): 0 | 1 {
  if (process.stdout.isTTY) process.stdout.write('\n')
  console.log(detail === null ? state : `${state}: ${detail}`)
  for (const { username, detail: reason } of failures) console.log(`  ${username}: ${reason}`)
  return state === 'deleted' || state === 'gone' ? 0 : 1
}

function giveUp(reason: string): 2 {
  console.error(reason.trimStart())
  return 2
}
