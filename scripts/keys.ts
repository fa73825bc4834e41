/**
 * `npm run keys -- create|list|revoke`: makes, lists and revokes API keys, directly in the database. DATABASE_URL or DATA_DIR
 * say where it is, as for the service; the service may run or not. Exits with 0 if it did, with 1 if it did not.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isLedgerError, LedgerError } from '../src/errors.ts'
import { isId } from '../src/http/input/page.ts'
import { plainText } from '../src/http/input/path-params.ts'
import { dateTime, readTime } from '../src/http/input/time-parameter.ts'
import { keyAccesses, keyRoles } from '../src/http/schemas/key-schema.ts'
import { findOpenAccount } from '../src/store/accounts/queries.ts'
import type { Database } from '../src/store/connection/database.ts'
import { type ApiKey, listKeys } from '../src/store/keys/api-keys.ts'
import { makeKey, revokeKey } from '../src/work/callers/api-keys.ts'
import { withDatabase } from './ledger-database.ts'

const usage = `npm run keys -- create NAME --role sudo|admin|metrics --access read|write [--admin NAME_OR_ID] [--expires TIME]
npm run keys -- list
npm run keys -- revoke ID`

/** The name of who sits at the terminal, in the audit trail. */
const by = 'terminal'

const options = {
  role: { type: 'string' },
  access: { type: 'string' },
  admin: { type: 'string' },
  expires: { type: 'string' },
} as const
type Values = ReturnType<typeof parse>['values']

if (existsSync('.env')) process.loadEnvFile()
try {
  const { values, positionals } = parse()
  const act = actionOf(positionals, values)
  await withDatabase(process.env, act)
} catch (error) {
  if (!isLedgerError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error))
  }
}

function actionOf([command, given, ...others]: string[], values: Values): (db: Database) => Promise<void> {
  if (others.length > 0) throw wrong(`There is one word too many: ${others[0]}`)
  const isBare = Object.keys(values).length === 0
  if (command === 'create' && given !== undefined) return (db) => create(db, given, values)
  if (command === 'list' && given === undefined && isBare) return list
  if (command === 'revoke' && given !== undefined && isBare) return (db) => revoke(db, given)
  throw wrong('Say what to do:')
}

async function create(db: Database, name: string, values: Values): Promise<void> {
  if (!new RegExp(plainText.pattern, 'u').test(name) || name.length < 1 || name.length > 100) {
    throw wrong('NAME must have 1 to 100 characters, without control characters.')
  }
  const { expires } = values
  if (expires !== undefined && !new RegExp(dateTime.pattern).test(expires)) {
    throw wrong('--expires must be a time with its zone, such as 2027-11-22T10:32:39Z.')
  }
  const { key, text } = await makeKey(
    db,
    {
      name,
      role: oneOf('role', keyRoles, values.role),
      access: oneOf('access', keyAccesses, values.access),
      adminId: values.admin === undefined ? null : await accountId(db, values.admin),
      expiresAt: expires === undefined ? null : readTime('--expires', expires),
    },
    by,
  )
  console.error(`Key ${key.id} is made. Keep it: it is shown only now.`)
  // Alone on standard output, for $(...).
  console.log(text)
}

async function list(db: Database): Promise<void> {
  for (let before: bigint | null = null; ; ) {
    const { items, next }: Awaited<ReturnType<typeof listKeys>> = await listKeys(db, { before, limit: 200 })
    for (const key of items) console.log(lineOf(key))
    if (next === null) return
    before = next
  }
}

async function revoke(db: Database, id: string): Promise<void> {
  if (!isId(id)) throw wrong('ID must be the number of a key: npm run keys -- list shows it.')
  const key = await revokeKey(db, BigInt(id), by)
  console.log(lineOf(key))
}

function lineOf(key: ApiKey): string {
  const day = (time: Date | null) => time?.toISOString() ?? 'never'
  const { id, name, role, access, admin, revokedAt, revokedBy } = key
  const whose = admin === null ? '' : ` of ${admin}`
  const state = revokedAt ? `revoked ${day(revokedAt)} by ${revokedBy}` : `expires ${day(key.expiresAt)}`
  return `${id}  ${name}  ${role}${whose}, ${access}  made ${day(key.createdAt)} by ${key.createdBy}, used ${day(key.lastUsedAt)}, ${state}`
}

/** The account that a name or an id means: a name first, since an admin may be called by a number. */
async function accountId(db: Database, admin: string): Promise<bigint> {
  const account = await findOpenAccount(db, admin)
  if (account) return account.id
  if (isId(admin)) return BigInt(admin)
  throw new LedgerError('not_found', `There is no account of an admin ${admin}.`)
}

function oneOf<Word extends string>(option: string, words: readonly Word[], given: string | undefined): Word {
  const word = words.find((each) => each === given)
  if (word === undefined) throw wrong(`--${option} must be one of ${words.join(', ')}.`)
  return word
}

function wrong(reason: string): LedgerError {
  return new LedgerError('invalid_request', `${reason}\n${usage}`)
}
