/**
 * Writes `openapi/openapi.json` from the schemas of the routes. With `--check`, it only checks that the file is up to date.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buildApp } from '../src/app.ts'
import { createLogger } from '../src/log.ts'
import type { LedgerApi } from '../src/work/ledger-api.ts'

const root = path.join(import.meta.dirname, '..')
const file = path.join(root, 'openapi/openapi.json')

/** The text of the file. */
async function generate(): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const app = buildApp({ services: noLedger, log: createLogger('silent'), version })
  await app.ready()
  const document = `${JSON.stringify(app.swagger(), null, 2)}\n`
  await app.close()
  return document
}

function refuse(): never {
  throw new Error('The OpenAPI document needs only the schemas; this service answers no call.')
}

const noLedger: LedgerApi = {
  callers: { recognises: refuse, identify: refuse },
  stats: { read: refuse },
  account: refuse,
  accounts: refuse,
  tenures: refuse,
  deletions: { deleteUser: refuse, request: refuse, report: refuse, cancel: refuse, list: refuse },
  limits: {
    read: refuse,
    set: refuse,
    remove: refuse,
    grants: refuse,
    grant: refuse,
    revoke: refuse,
    periods: refuse,
    closePeriod: refuse,
  },
  holds: { read: refuse, place: refuse, lift: refuse },
  keys: { create: refuse, list: refuse, revoke: refuse },
  audit: refuse,
  sync: refuse,
  failures: refuse,
  requestSync: refuse,
  requestObservation: refuse,
  readiness: refuse,
}

const document = await generate()
if (!process.argv.includes('--check')) {
  await writeFile(file, document)
} else if (document !== (await readFile(file, 'utf8').catch(() => ''))) {
  console.error('openapi/openapi.json is out of date. Run `npm run openapi` and commit the result.')
  process.exitCode = 1
}
