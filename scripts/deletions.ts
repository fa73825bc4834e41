/**
 * `npm run deletions -- <id>`: shows the progress of a deletion in the terminal until it ends. LEDGER is the http://
 * address of the service (default: the service of .env on this machine), API_KEY its key. Exits with 0 if everything was
 * deleted, with 1 if something was not, with 2 if the service gives no answer about this deletion.
 */
import { setTimeout } from 'node:timers/promises'
import { readService } from './service-address.ts'

const barWidth = 30
const pauseMs = 1_000
/** A restarting service does not answer for some seconds. */
const mostFailedRequests = 60

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

const { ledger, key } = readService()
const [id = ''] = process.argv.slice(2)
process.exitCode = await follow()

async function follow(): Promise<0 | 1 | 2> {
  if (!/^\d+$/.test(id)) return fail('Add the id of the deletion: npm run deletions -- 12')
  for (let failedRequests = 0; ; await setTimeout(pauseMs)) {
    const answer = await ask().catch(() => null)
    if (answer === null || answer.status >= 500) {
      failedRequests += 1
      if (failedRequests > mostFailedRequests) return fail(`\n${ledger} does not answer.`)
      continue
    }
    const { status, body } = answer
    if (status !== 200 || body === null) {
      const detail =
        body?.detail ??
        (status === 200 ? `${ledger} is not this service.` : `The service answered ${status}.`)
      return fail(`\n${detail} Check LEDGER (the service) and API_KEY.`)
    }
    failedRequests = 0
    const report = body as Report
    draw(report)
    if (report.finished_at !== null) return conclude(report)
  }
}

type Answer = { status: number; body: Partial<Report> | null }

/** `body` is null for what is no object of JSON: then something else answers, such as a proxy. Fails when the answer breaks off. */
async function ask(): Promise<Answer> {
  const signal = AbortSignal.timeout(10_000)
  const answer = await fetch(`${ledger}/deletions/${id}`, { headers: { 'x-api-key': key }, signal })
  return { status: answer.status, body: parse(await answer.text()) }
}

function parse(text: string): Answer['body'] {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' ? body : null
  } catch {
    return null
  }
}

/** On a terminal, each line replaces the one before. */
function draw(report: Report): void {
  const {
    total = 1,
    done = report.state === 'deleted' ? 1 : 0,
    failed = 0,
    rate,
    seconds_left: left,
  } = report
  const share = total === 0 ? 1 : (done + failed) / total
  const bar = '#'.repeat(Math.floor(share * barWidth)).padEnd(barWidth, '.')
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

function fail(reason: string): 2 {
  console.error(reason.trimStart())
  return 2
}
