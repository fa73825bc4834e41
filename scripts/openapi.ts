/**
 * Writes `openapi/openapi.json` from the schemas of the routes, and `openapi/openapi-3.0.json` from that. With `--check`, it
 * only checks that the files are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buildApp } from '../src/app.ts'
import { createLogger } from '../src/log.ts'
import { createKeyReader } from '../src/work/callers/key-reader.ts'
import type { LedgerApi } from '../src/work/ledger-api.ts'
import { toOpenapi30 } from './to-openapi-30.ts'

const root = path.join(import.meta.dirname, '..')

/** The document, in OpenAPI 3.1. */
async function generate(): Promise<object> {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const app = buildApp({ services: noLedger, log: createLogger('silent'), version })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}

function refuse(): never {
  throw new Error('The OpenAPI document needs only the schemas; this service answers no call.')
}

const noLedger: LedgerApi = {
  callers: { keys: createKeyReader(null), recognises: refuse, identify: refuse },
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
for (const [name, content] of [
  ['openapi/openapi.json', document],
  ['openapi/openapi-3.0.json', toOpenapi30(document)],
] as const) {
  const file = path.join(root, name)
  const text = `${JSON.stringify(content, null, 2)}\n`
  if (!process.argv.includes('--check')) {
    await writeFile(file, text)
  } else if (text !== (await readFile(file, 'utf8').catch(() => ''))) {
    console.error(`${name} is out of date. Run \`npm run openapi\` and commit the result.`)
    process.exitCode = 1
  }
}
