import { randomBytes } from 'node:crypto'
import { chown, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isLedgerError } from '../../src/errors.ts'
import { startEmbeddedPostgres } from '../../src/postgres/start.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { prepareDatabase } from '../../src/store/connection/prepare-database.ts'
import { makeCertificate } from '../support/certificate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepSecret } from '../support/leaks.ts'
import { hasty } from '../support/postgres.ts'
import { refusedStart } from '../support/run-service.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServiceProcess } from '../support/service-process.ts'

const panel = { url: 'http://127.0.0.1:9', sudo: { username: 'root', password: 'no-panel' } }
const log = { info: () => undefined, warn: () => undefined, error: console.error }

/** Why the start is refused, as the operator is told. It is an error to wait for anything first. */
async function refusalOf(url: string): Promise<string> {
  const db = openDatabase({ url })
  const onWait = (reason: string) => {
    throw new Error(`it waits: ${reason}`)
  }
  try {
    await prepareDatabase(db, url, { onWait, onOtherReplica: () => undefined, onMigrated: () => undefined })
  } catch (error) {
    if (isLedgerError(error, 'config_invalid')) return error.message
    throw error
  } finally {
    await db.destroy()
  }
  throw new Error('the database is taken')
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const run = (url: string, ...statements: string[]) =>
  onServer(url, async (client) => {
    for (const statement of statements) await client.query(statement)
  })

function changed(url: string, change: (url: URL) => void): string {
  const address = new URL(url)
  change(address)
  return address.href
}

describe('the start is refused at once, in one sentence with the remedy, when the database', () => {
  const { url: server } = inject('postgres')

  test.each(['%ff', 'caf%e9'])('has a password that is not encoded as UTF-8: %s', async (password) => {
    const address = new URL(server)
    const url = `postgres://${address.username}:${password}@${address.host}/ledger`
    const refusal = await refusalOf(url)
    expect(refusal).toMatch(/DATABASE_URL.*percent-encode.*%25/i)
    expect(refusal).not.toContain(password)
  })

  const names: string[] = []
  let database: TestDatabase
  const role = `limited_${randomBytes(4).toString('hex')}`
  const password = randomBytes(16).toString('hex')

  const asRole = (url: string) =>
    changed(url, (address) => {
      address.username = role
      address.password = password
    })
  /** A new database, which belongs to somebody else than {@link role}. */
  async function make(options = ''): Promise<string> {
    const name = `unfit_${randomBytes(6).toString('hex')}`
    names.push(name)
    await run(server, `create database ${name} template template0 ${options}`)
    return changed(server, (address) => {
      address.pathname = `/${name}`
    })
  }

  beforeAll(async () => {
    keepSecret(password)
    database = await createTestDatabase()
    await run(server, `create role ${role} login password '${password}'`)
  })
  afterAll(async () => {
    await database.drop()
    for (const name of names) await run(server, `drop database ${name} with (force)`)
    await run(server, `drop role ${role}`)
  })

  test.each(['LATIN1', 'SQL_ASCII', 'WIN1256'])('has the encoding %s', async (encoding) => {
    const said = await refusalOf(await make(`encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`))
    expect(said).toContain(`has the encoding ${encoding}`)
    expect(said).toContain("ENCODING 'UTF8'")
  })

  test('has the encoding LATIN1: the process ends with 1, says one sentence and shows no stack', async () => {
    const url = await make("encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'")
    const output = await refusedStart(panel, url)
    expect(output).toContain('has the encoding LATIN1')
  })

  test('gives no right to make tables', async () => {
    const said = await refusalOf(asRole(await make()))
    expect(said).toContain(`GRANT CREATE, USAGE ON SCHEMA "public" TO "${role}"`)
  })

  test('gives no right to make the schema of the queues', async () => {
    const url = await make()
    await run(url, `grant create, usage on schema public to ${role}`)
    expect(await refusalOf(asRole(url))).toContain(`CREATE SCHEMA pgboss AUTHORIZATION "${role}"`)
    await run(url, 'create schema pgboss')
    expect(await refusalOf(asRole(url))).toContain(`GRANT CREATE, USAGE ON SCHEMA pgboss TO "${role}"`)
  })

  test('has no schema in its search path', async () => {
    const url = await make()
    await run(url, 'drop schema public')
    expect(await refusalOf(asRole(url))).toContain(`CREATE SCHEMA public AUTHORIZATION "${role}"`)
  })

  test('has tables that belong to somebody else, as after a restore', async () => {
    await run(
      database.url,
      `grant create, usage on schema public to ${role}`,
      `create schema pgboss authorization ${role}`,
    )
    const said = await refusalOf(asRole(database.url))
    expect(said).toContain('permission denied')
    expect(said).toContain('REASSIGN OWNED')
  })

  test('is read-only', async () => {
    const url = await make()
    await run(url, `alter database ${new URL(url).pathname.slice(1)} set default_transaction_read_only = on`)
    expect(await refusalOf(url)).toContain('is read-only')
  })

  test('does not exist, or does not know the user or the password', async () => {
    const unknown = changed(server, (address) => {
      address.pathname = '/no_such_database'
    })
    expect(await refusalOf(unknown)).toContain('CREATE DATABASE "no_such_database"')
    const wrong = changed(server, (address) => {
      address.password = 'wrong'
    })
    expect(await refusalOf(wrong)).toMatch(/refuses user and password: password authentication failed/)
    const none = changed(server, (address) => {
      address.password = ''
    })
    expect(await refusalOf(none)).toContain('asks for a password')
  })

  test('lies on a host that nobody knows', async () => {
    const said = await refusalOf('postgres://me:secret@no-such-host.invalid/ledger')
    expect(said).toContain('The host no-such-host.invalid in DATABASE_URL is unknown')
    expect(said).not.toContain('secret')
  })

  test('names a file that is not there', async () => {
    const said = await refusalOf(`${server}?sslmode=verify-full&sslrootcert=/no/such/ca.pem`)
    expect(said).toContain('/no/such/ca.pem, which the service cannot read (ENOENT)')
  })

  test('has a server without TLS, which the address asks for', async () => {
    expect(await refusalOf(`${server}?sslmode=verify-full`)).toContain('does not offer TLS')
  })

  test('works with a schema of the queues that somebody made beforehand', async () => {
    const url = await make()
    await run(
      url,
      `grant create, usage on schema public to ${role}`,
      `create schema pgboss authorization ${role}`,
    )
    for (let times = 0; times < 2; times += 1) {
      const service = await startServiceProcess(panel, { DATABASE_URL: asRole(url) })
      expect((await service.call('GET', '/readyz')).status).toBe(200)
      expect(await service.end('SIGTERM')).toBe(0)
    }
  })
})

describe('with servers of their own', { timeout: 60_000 }, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(hasty)
  })
  afterAll(async () => {
    await server.stop()
    await server.remove()
  })
  const dataDir = () => path.join(server.runDir, 'server')
  const data = () => path.join(dataDir(), 'postgres/data')

  async function writeForServer(name: string, text: string): Promise<void> {
    const { uid, gid } = await stat(data())
    await writeFile(path.join(data(), name), text, { mode: 0o600 })
    await chown(path.join(data(), name), uid, gid)
  }

  test('a certificate that nobody vouches for is refused at once, and one of its own CA works', async () => {
    const { key, cert } = makeCertificate('localhost')
    await writeForServer('server.key', key)
    await writeForServer('server.crt', cert)
    await run(server.url, 'alter system set ssl = on', 'select pg_reload_conf()')
    const named = changed(server.url, (address) => {
      address.hostname = 'localhost'
    })
    for (const mode of ['require', 'verify-full'])
      expect(await refusalOf(`${named}?sslmode=${mode}`)).toMatch(/is not trusted \(\w+\). Add sslrootcert=/)
    const ca = path.join(server.runDir, 'ca.pem')
    await writeFile(ca, cert)
    expect(await refusalOf(`${server.url}?sslmode=verify-full&sslrootcert=${ca}`)).toContain(
      'is for another name than 127.0.0.1',
    )
    const service = await startServiceProcess(panel, {
      DATABASE_URL: `${named}?sslmode=verify-full&sslrootcert=${ca}`,
    })
    expect(await service.end('SIGTERM')).toBe(0)
  })

  test('a standby is refused at once', async () => {
    await server.stop()
    await writeForServer('standby.signal', '')
    const standby = await startEmbeddedPostgres({ dataDir: dataDir(), log, now: Date.now, settings: hasty })
    try {
      expect(await refusalOf(standby.url)).toContain('is a standby (in recovery)')
    } finally {
      await standby.stop()
    }
  })
})

test('what may pass is waited for, and the reason is said', async () => {
  const waits = async (url: string) => {
    const db = openDatabase({ url })
    const told = Promise.withResolvers<string>()
    const stop = new Error('enough')
    const news = {
      onWait: (reason: string) => {
        told.resolve(reason)
        throw stop
      },
      onOtherReplica: () => undefined,
      onMigrated: () => undefined,
    }
    await expect(prepareDatabase(db, url, news)).rejects.toBe(stop)
    await db.destroy()
    return told.promise
  }
  expect(await waits('postgres://me@127.0.0.1:1/ledger')).toContain('127.0.0.1:1: connection refused')
  expect(await waits('postgres://me@%2Fno%2Fsocket/ledger')).toContain('socket does not exist')
})
