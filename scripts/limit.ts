/**
 * `npm run limit -- set|show|grant|hold|release ADMIN ...`: limits of admins, from the terminal. LEDGER is the http:// address
 * of the service (default: the service of .env on this machine), API_KEY its key; `--ledger` and `--key` come first. Exits with
 * 0 if it did what it was asked, with 1 if not, with 2 if the service gives no answer.
 */
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { readSize } from './byte-sizes.ts'
import {
  type Account,
  createLedgerCalls,
  type Hold,
  type Limit,
  Refusal,
  Unreachable,
} from './ledger-calls.ts'
import { describeHold, describeLimit } from './limit-text.ts'
import { readService } from './service-address.ts'

const usage = `npm run limit -- set ADMIN SIZE [--daily | --weekly | --monthly] [--tz ZONE] [--anchor-day N] [--carry-over none|debt|all]
                 [--valid-until TIME] [--warn-at 80,95] [--count-from now|beginning]
                 [--on-exceed notify|disable_users] [--yes]
npm run limit -- show ADMIN
npm run limit -- grant ADMIN SIZE [--note TEXT] [--reference TEXT]
npm run limit -- hold ADMIN --reason TEXT
npm run limit -- release ADMIN

ADMIN is the name or the id of an account. SIZE is a number with its unit: 1TB = 1000 GB, 1TiB = 1024 GiB; "set" also takes
"none", which is no limit of traffic; "grant" takes something away with -100GB. When the limit is used up, the users of
the admin are disabled; with --on-exceed notify that is only recorded.`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  ledger: text,
  key: text,
  daily: flag,
  weekly: flag,
  monthly: flag,
  tz: text,
  'anchor-day': text,
  'carry-over': text,
  'valid-until': text,
  'warn-at': text,
  'count-from': text,
  'on-exceed': text,
  yes: flag,
  note: text,
  reference: text,
  reason: text,
} as const
type Values = ReturnType<typeof parse>['values']

/** The words after the name of the admin, and the options, that each command takes. */
const commands: Record<string, { words: number; options: readonly (keyof Values)[] }> = {
  set: {
    words: 1,
    options: [
      ...(['daily', 'weekly', 'monthly', 'tz', 'anchor-day', 'carry-over'] as const),
      ...(['valid-until', 'warn-at', 'count-from', 'on-exceed', 'yes'] as const),
    ],
  },
  show: { words: 0, options: [] },
  grant: { words: 1, options: ['note', 'reference'] },
  hold: { words: 0, options: ['reason'] },
  release: { words: 0, options: [] },
}

process.exitCode = await run().catch((error: unknown) => {
  if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error
  console.error(error.message)
  return error instanceof Unreachable ? 2 : 1
})

async function run(): Promise<0 | 1> {
  const { values, positionals } = parse()
  const [command = '', name = '', ...words] = positionals
  const known = Object.hasOwn(commands, command) ? commands[command] : undefined
  if (!known || name === '' || words.length !== known.words) throw wrong('Say what to do:')
  for (const option of Object.keys(values) as (keyof Values)[]) {
    if (!['ledger', 'key', ...known.options].includes(option))
      throw wrong(`--${option} is not for ${command}.`)
  }
  const [size = ''] = words
  const bytes = known.words === 0 || (command === 'set' && size === 'none') ? null : readSize(size)
  if (typeof bytes === 'string') throw wrong(bytes)
  if (command === 'hold' && values.reason === undefined)
    throw wrong('Add --reason TEXT: why the admin is held.')

  const service = readService()
  const calls = createLedgerCalls({
    ledger: (values.ledger ?? service.ledger).replace(/\/$/, ''),
    key: values.key ?? service.key,
  })
  const account = await calls.findAccount(name)
  if (command === 'set') return set(account, bodyOf(bytes, values))
  if (command === 'grant') {
    const { note, reference } = values
    await calls.call('POST', account, '/grants', { bytes, note, reference })
  }
  if (command === 'hold') await calls.call('POST', account, '/hold', { reason: values.reason })
  if (command === 'release') await calls.call('DELETE', account, '/hold')
  const limit = await calls.readLimit(account)
  show(account, limit, await calls.readHold(account))
  return limit || command !== 'show' ? 0 : 1

  /** Shows what would result, and sets it if that is what is wanted: only if nobody else has changed the limit since. */
  async function set(account: Account, body: object): Promise<0 | 1> {
    const before = await calls.readLimit(account)
    const version = before && `"${before.version}"`
    const after = (await calls.call('PUT', account, '/limit?dry_run=true', body, version)) as Limit
    show(account, before, await calls.readHold(account), 'now')
    show(account, after, after.status.hold, 'then')
    if (!values.yes && !(await isConfirmed('Set this limit?'))) {
      console.log('Nothing was changed.')
      return 1
    }
    // If-Match names a limit that there is: of one that there was not, only another look tells.
    if (before === null && (await calls.readLimit(account)) !== null) {
      throw new Refusal('Nothing was changed: somebody has set a limit meanwhile.')
    }
    await calls.call('PUT', account, '/limit', body, version)
    console.log('The limit is set.')
    return 0
  }
}

function parse() {
  // An amount to take away is no option.
  const args = process.argv.slice(2).map((word) => (/^-\d/.test(word) ? `−${word.slice(1)}` : word))
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error))
  }
}

/** The body of `PUT /admins/{id}/limit`. The service checks the words. */
function bodyOf(bytes: bigint | null, values: Values): object {
  const unit = (['daily', 'weekly', 'monthly'] as const).filter((each) => values[each])
  if (unit.length > 1) throw wrong('Choose one of --daily, --weekly and --monthly.')
  const { tz, 'anchor-day': day } = values
  const [period] = unit
  if (period === undefined && (tz ?? day) !== undefined) {
    throw wrong('--tz and --anchor-day need one of --daily, --weekly and --monthly.')
  }
  if (period !== undefined && tz === undefined) throw wrong('Add --tz ZONE: at whose midnight periods begin.')
  const units = { daily: 'day', weekly: 'week', monthly: 'month' }
  const whole = (option: string, word: string): number => {
    if (!/^\d{1,9}$/.test(word)) throw wrong(`--${option} must be a whole number, not "${word}".`)
    return Number(word)
  }
  return {
    traffic_limit: bytes,
    period: period
      ? {
          unit: units[period],
          timezone: tz,
          ...(day !== undefined && { anchor_day: whole('anchor-day', day) }),
        }
      : null,
    carry_over: values['carry-over'],
    valid_until: values['valid-until'],
    count_from: values['count-from'],
    warn_at: values['warn-at']?.split(',').map((percent) => whole('warn-at', percent.trim())),
    on_exceed: values['on-exceed'] ?? 'disable_users',
  }
}

function show({ id, username }: Account, limit: Limit | null, hold: Hold | null, when = ''): void {
  console.log(`${username} (account ${id})${when === '' ? '' : `, ${when}`}`)
  const lines = [...(limit ? describeLimit(limit) : ['no limit']), ...(hold ? describeHold(hold) : [])]
  for (const line of lines) console.log(`  ${line}`)
}

async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new Refusal('Nothing was changed: without a terminal, add --yes.')
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

function wrong(reason: string): Refusal {
  return new Refusal(`${reason}\n${usage}`)
}
