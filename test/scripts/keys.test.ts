import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listAudit } from '../../src/store/audit/audit.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { migrateToLatest } from '../../src/store/connection/migrate.ts'
import { startTestService, type TestService } from '../http/service.ts'
import { kill, makeDataDir, postmasterPid, spawnService, start } from '../postgres/support.ts'
import { createTestDatabase } from '../support/database.ts'
import { keepSecret } from '../support/leaks.ts'
import { runHere } from './run-here.ts'

let service: TestService
let url = ''

beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }, { username: '77' }],
    // Where the script is to look.
    reach: async (of) => {
      url = of
      return of
    },
  })
  await service.poll()
})
afterAll(() => service.close())

const key = /mzl_\d+_[\w-]{43}/g
const run = async (args: string, environment: Record<string, string> = { DATABASE_URL: url }) => {
  const words = args.split(' ').filter((word) => word !== '')
  const ended = await runHere('keys.ts', words, { DATABASE_URL: '', DATA_DIR: '', ...environment }, key)
  for (const text of ended.stdout.match(key) ?? []) keepSecret(text)
  return ended
}
const statusOf = async (text: string, path = '/admins') =>
  (await service.app.inject({ url: path, headers: { 'x-api-key': text } })).statusCode

test('makes a key that the service takes at once, lists it without its secret, and revokes it', async () => {
  const made = await run('create bot --role sudo --access read')
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('only now') })
  const text = made.stdout.trim()
  expect(text).toMatch(/^mzl_\d+_[\w-]{43}$/)
  expect(await statusOf(text)).toBe(200)
  const [, id = ''] = text.split('_')
  const listed = await run('list')
  expect(listed.stdout).toMatch(
    new RegExp(`^${id}  bot  sudo, read  made .* by terminal, used \\d{4}.*, expires never$`, 'm'),
  )
  expect(listed.stdout).not.toMatch(key)
  expect((await run(`revoke ${id}`)).stdout).toMatch(/revoked .* by terminal/)
  expect(await statusOf(text)).toBe(401)
  const { items } = await listAudit(service.db, { before: null, limit: 2 })
  expect(items.map(({ caller, action }) => [caller, action])).toEqual([
    ['terminal', 'key.revoked'],
    ['terminal', 'key.created'],
  ])
})

test('makes a key of an admin by its name or its id, until a time', async () => {
  const id = await service.idOf('ana')
  for (const admin of ['ana', String(id)]) {
    const { stdout } = await run(
      `create hers --role admin --access write --admin ${admin} --expires 2099-01-01T00:00:00Z`,
    )
    expect(await statusOf(stdout.trim(), '/admins/me')).toBe(200)
  }
  expect((await run('list')).stdout).toMatch(
    /hers {2}admin of ana, write .* expires 2099-01-01T00:00:00.000Z/,
  )
  const { stdout } = await run('create his --role admin --access read --admin 77')
  expect(await statusOf(stdout.trim(), `/admins/${await service.idOf('77')}`)).toBe(200)
})

test.each([
  ['', 'npm run keys -- create'],
  ['make bot', 'npm run keys -- create'],
  ['create bot --role root --access read', '--role must be one of'],
  ['create bot --role sudo --access all', '--access must be one of read, write'],
  ['create bot --role admin --access read', 'admin is missing'],
  ['create bot --role admin --access read --admin nobody', 'There is no account of an admin nobody'],
  ['create bot --role sudo --access read --expires tomorrow', '--expires must be a time'],
  ['create bot --role sudo --access read --expires 2020-01-01T00:00:00Z', 'in the future'],
  [`create ${'x'.repeat(101)} --role sudo --access read`, '1 to 100 characters'],
  ['create bot --color red', "Unknown option '--color'"],
  ['revoke bot', 'number of a key'],
  ['revoke 999999', 'There is no key with the id 999999'],
  ['revoke 1 2', 'one word too many'],
])('"%s" fails with a hint', async (args, hint) => {
  const { code, stdout, stderr } = await run(args)
  expect(stderr).toContain(hint)
  expect([code, stdout]).toEqual([1, ''])
})

describe('where no database can be reached', () => {
  test('the script says what to check, and prints no password', async () => {
    const DATABASE_URL = 'postgres://me:the-password@127.0.0.1:1/ledger'
    const { code, stderr } = await run('list', { DATABASE_URL })
    expect([code, stderr]).toEqual([1, expect.stringContaining('Check DATABASE_URL')])
    expect(stderr).not.toContain('the-password')
  })

  test.each([
    ['an address that is none', { DATABASE_URL: 'the-password@host' }, 'must be a postgres://'],
    ['a directory without a database', { DATA_DIR: '/nonexistent' }, 'start the service once'],
  ])('%s gets a hint', async (_what, environment, hint) => {
    const { code, stderr } = await run('list', environment)
    expect([code, stderr]).toEqual([1, expect.stringContaining(hint)])
    expect(stderr).not.toContain('the-password')
  })

  test('a variable of blanks alone counts as not set, as in the service', async () => {
    expect(await run('list', { DATABASE_URL: '  ', DATA_DIR: '/nonexistent' })).toMatchObject({
      stderr: expect.stringContaining('below DATA_DIR /nonexistent'),
    })
    expect(await run('list', { DATA_DIR: ' ' })).toMatchObject({
      stderr: expect.stringMatching(/below DATA_DIR \S+\/data \(ENOENT/),
    })
  })

  test('a database without the tables of this version gets a hint', async () => {
    const database = await createTestDatabase()
    const db = openDatabase({ url: database.url })
    await db.schema.dropTable('api_keys').execute()
    await db.destroy()
    const { code, stderr } = await run('list', { DATABASE_URL: database.url })
    expect([code, stderr]).toEqual([1, expect.stringContaining('start the service once')])
    await database.drop()
  })
})

describe('the embedded database', () => {
  const create = 'create bot --role sudo --access write'

  test('is used while the service runs, and goes on running', async () => {
    const DATA_DIR = await makeDataDir()
    const running = spawnService(DATA_DIR)
    const embedded = await running.url
    const db = openDatabase({ url: embedded })
    await migrateToLatest(db)
    const pid = await postmasterPid(DATA_DIR)
    expect(await run(create, { DATA_DIR })).toMatchObject({ code: 0, stdout: expect.stringMatching(key) })
    expect((await db.selectFrom('api_keys').select('name').execute()).length).toBe(1)
    expect(await postmasterPid(DATA_DIR)).toBe(pid)
    await db.destroy()
    // Also the server that a killed service leaves behind.
    await kill(running.child)
    expect(await run('list', { DATA_DIR })).toMatchObject({ code: 0, stdout: expect.stringContaining('bot') })
  })

  test('is started for the script while the service is stopped, and stopped again', async () => {
    const DATA_DIR = await makeDataDir()
    const embedded = await start(DATA_DIR)
    const db = openDatabase({ url: embedded.url })
    await migrateToLatest(db)
    await db.destroy()
    await embedded.stop()
    expect(await run(create, { DATA_DIR })).toMatchObject({ code: 0, stdout: expect.stringMatching(key) })
    await expect(postmasterPid(DATA_DIR)).rejects.toThrow('ENOENT')
    expect(await run('list', { DATA_DIR })).toMatchObject({ code: 0, stdout: expect.stringContaining('bot') })
    await expect(postmasterPid(DATA_DIR)).rejects.toThrow('ENOENT')
  })
})
