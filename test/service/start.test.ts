import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { isPostmaster, stopPostmaster } from '../../src/postgres/postmaster.ts'
import { postmasterPid } from '../postgres/support.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runService } from '../support/run-service.ts'
import { startServiceProcess, until } from '../support/service-process.ts'

let panel: StandInPanel
let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => {
  panel = await startPanel()
  return () => panel.close()
})
afterAll(() => database.drop())

const usual = () => ({
  MARZBAN_URL: panel.url,
  MARZBAN_USERNAME: panel.sudo.username,
  MARZBAN_PASSWORD: panel.sudo.password,
  DATABASE_URL: database.url,
  PORT: '0',
})

describe.runIf(process.platform !== 'win32')('a .env', () => {
  test.each([
    [0o644, true],
    [0o604, true],
    [0o602, true],
    [0o600, false],
    [0o640, false],
  ])('of mode %o: is warned of with the remedy: %s', async (mode, isWarned) => {
    const place = await mkdtemp(path.join(tmpdir(), 'ledger-env-'))
    const file = path.join(place, '.env')
    await writeFile(file, 'LOG_LEVEL=warn\nMARZBAN_CA=/no/such/file\n')
    await chmod(file, mode)
    const { code, output } = await runService({ ...usual(), LOG_LEVEL: '' }, place)
    await rm(place, { recursive: true })
    // It is read at all.
    expect([code, output]).toEqual([1, expect.stringContaining('MARZBAN_CA must be')])
    expect(output.includes(`run chmod 600 ${file}`)).toBe(isWarned)
  })
})

describe('a service that cannot start ends with 1, and says in plain words why', () => {
  test('without configuration', async () => {
    const { code, output } = await runService({})
    expect(code).toBe(1)
    for (const name of ['MARZBAN_URL', 'MARZBAN_USERNAME', 'MARZBAN_PASSWORD']) {
      expect(output).toContain(`${name} is missing`)
    }
    expect(output).toContain('npm run demo')
    expect(output).not.toMatch(/^\s+at /m)
  })

  test('when MARZBAN_CA is no file with certificates', async () => {
    const { code, output } = await runService({ ...usual(), MARZBAN_CA: '/no/such/file.pem' })
    expect(code).toBe(1)
    expect(output.trim()).toBe(
      'MARZBAN_CA must be a file with certificates, as PEM or DER, but there is no such file.',
    )
  })

  test('when another program has its port', async () => {
    const other: Server = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, output } = await runService({ ...usual(), PORT: port })
    other.close()
    expect(code).toBe(1)
    expect(output).toContain(`Port ${port} of 127.0.0.1 is in use`)
    expect(output).not.toMatch(/^\s+at /m)
  })

  test('when the database refuses its password', async () => {
    const url = new URL(database.url)
    url.password = 'wrong'
    const { code, output } = await runService({ ...usual(), DATABASE_URL: url.href })
    expect(code).toBe(1)
    expect(output).toContain('DATABASE_URL')
    expect(output).not.toMatch(/^\s+at /m)
  })
})

test('starts while the panel is down, and counts as soon as it is up', { timeout: 60_000 }, async () => {
  panel.state.createAdmin('ada').usage = 7n
  await panel.down()
  const service = await startServiceProcess(panel, { DATABASE_URL: database.url, POLL_INTERVAL: '1' })
  await until('the failure shows', async () => {
    const { body } = await service.call('GET', '/sync')
    return (body as { poll: { error: { code: string } | null } }).poll.error?.code === 'panel_unreachable'
  })
  expect((await service.call('GET', '/readyz')).status).toBe(200)
  await panel.up()
  await until('the admin is known', async () => {
    const { body } = await service.call('GET', '/admins?username=ada')
    return (body as { items: unknown[] }).items.length === 1
  })
  expect(await service.end('SIGTERM')).toBe(0)
})

test('says so when its account is not sudo', { timeout: 60_000 }, async () => {
  const { password } = panel.state.createAdmin('reseller')
  const account = { url: panel.url, sudo: { username: 'reseller', password } }
  const service = await startServiceProcess(account, { DATABASE_URL: database.url })
  await until('it says so', async () => /reseller[^"]*sudo|sudo[^"]*reseller/.test(service.output()))
  expect(await service.end('SIGTERM')).toBe(0)
})

describe('SIGTERM ends it with 0', () => {
  test('in the middle of a scan, which goes on at the next start', { timeout: 90_000 }, async () => {
    panel.state.createAdmin('busy')
    for (let index = 0; index < 350; index += 1)
      panel.state.createUser(`busy${index}`, { admin: 'busy', lifetime: 1n })
    const scanning = Promise.withResolvers<void>()
    panel.faults.add({ kind: 'hook', path: '/api/users', skip: 2, times: 1, after: () => scanning.resolve() })
    panel.faults.add({ kind: 'delay', path: '/api/users', ms: 300 })
    const own = await createTestDatabase()
    const environment = { DATABASE_URL: own.url, POLL_INTERVAL: '1' }
    const first = await startServiceProcess(panel, environment)
    await scanning.promise
    expect(await first.end('SIGTERM')).toBe(0)
    expect(first.output()).toContain('"stopped"')
    panel.faults.clear()
    const second = await startServiceProcess(panel, environment)
    await until('all users are counted', async () => {
      const { body } = await second.call('GET', '/admins?username=busy')
      return (body as { items: { total_traffic: number }[] }).items[0]?.total_traffic === 350
    })
    expect(await second.end('SIGTERM')).toBe(0)
    await own.drop()
  })

  test('and the embedded database with it, though a caller waits for a panel that hangs', {
    timeout: 90_000,
  }, async () => {
    panel.state.createAdmin('stuck')
    panel.state.createUser('s2', { admin: 'stuck', lifetime: 5n })
    const dataDir = await mkdtemp(path.join(inject('runDir'), 'drain-'))
    const service = await startServiceProcess(panel, { DATA_DIR: dataDir })
    const asked = Promise.withResolvers<void>()
    panel.faults.add({ kind: 'hook', path: '/api/user/s2', before: () => asked.resolve(), times: 1 })
    panel.faults.add({ kind: 'delay', path: '/api/user/s2', ms: 25_000 })
    const answer = service.call('DELETE', '/users/s2').catch(() => null)
    await asked.promise
    const pid = await postmasterPid(dataDir)
    expect(await service.end('SIGTERM'), service.output()).toBe(0)
    const isLeft = await isPostmaster(pid, path.join(dataDir, 'postgres/data'))
    await stopPostmaster(pid, path.join(dataDir, 'postgres/data'))
    await rm(dataDir, { recursive: true, maxRetries: 10 })
    expect(isLeft).toBe(false)
    expect(await answer).toBe(null)
  })

  test('while a caller waits for a slow panel, who is answered first', { timeout: 60_000 }, async () => {
    panel.state.createAdmin('slow')
    panel.state.createUser('s1', { admin: 'slow', lifetime: 5n })
    const service = await startServiceProcess(panel, { DATABASE_URL: database.url })
    const asked = Promise.withResolvers<void>()
    panel.faults.add({ kind: 'hook', method: 'DELETE', before: () => asked.resolve(), times: 1 })
    panel.faults.add({ kind: 'delay', method: 'GET', path: '/api/user/s1', ms: 500 })
    const answer = service.call('DELETE', '/users/s1')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const ended = service.end('SIGTERM')
    expect((await answer).status).toBe(200)
    expect(await ended).toBe(0)
    await asked.promise
  })
})
