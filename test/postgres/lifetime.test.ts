import { appendFile, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { kill, makeDataDir, pidFile, postmasterPid, query, spawnService, start, until } from './support.ts'

const keep = 'create table kept as select 42 as answer'
const kept = 'select answer from kept'

test('serves a database that outlives its stop', async () => {
  const dataDir = await makeDataDir()
  const first = await start(dataDir)
  await query(first.url, keep)
  await Promise.all([first.stop(), first.stop()])
  await expect(query(first.url, kept)).rejects.toThrow('ECONNREFUSED')
  await expect(readFile(pidFile(dataDir))).rejects.toThrow('ENOENT')

  const second = await start(dataDir)
  expect(await query(second.url, kept)).toEqual({ answer: 42 })
})

test('is durable, small, and reached from this machine with the password only', async () => {
  const dataDir = await makeDataDir()
  const { url } = await start(dataDir)
  const settings = async (name: string) => Object.values((await query(url, `show ${name}`)) ?? {})[0]
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums'])
    expect([name, await settings(name)]).toEqual([name, 'on'])
  expect(await settings('listen_addresses')).toBe('127.0.0.1')
  expect(await settings('unix_socket_directories')).toBe('')
  expect(await settings('timezone')).toBe('UTC')
  expect(await settings('server_encoding')).toBe('UTF8')
  expect(await query(url, 'select current_database() as name')).toEqual({ name: 'marzban_ledger' })

  const wrong = new URL(url)
  wrong.password = 'guessed'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  const { mode } = await stat(path.join(dataDir, 'postgres/password'))
  expect(mode & 0o777).toBe(0o600)
})

test('takes over the server of a killed service', async () => {
  const dataDir = await makeDataDir()
  const service = spawnService(dataDir)
  await query(await service.url, keep)
  const pid = await postmasterPid(dataDir)
  await kill(service.child)

  const next = await start(dataDir)
  expect(next.url).toBe(await service.url)
  expect(await postmasterPid(dataDir)).toBe(pid)
  expect(await query(next.url, kept)).toEqual({ answer: 42 })
  await next.stop()
  await expect(readFile(pidFile(dataDir))).rejects.toThrow('ENOENT')
})

test('recovers when service and server were killed together', async () => {
  const dataDir = await makeDataDir()
  const service = spawnService(dataDir)
  await query(await service.url, keep)
  const pid = await postmasterPid(dataDir)
  await kill(service.child)
  process.kill(pid, 'SIGKILL')

  const next = await start(dataDir)
  expect(await postmasterPid(dataDir)).not.toBe(pid)
  expect(await query(next.url, kept)).toEqual({ answer: 42 })
})

test.each([
  ['killed', 'SIGKILL'],
  ['asked to end', 'SIGINT'],
] as const)('brings a server that was %s back at the same address', async (_, signal) => {
  const dataDir = await makeDataDir()
  const { url, stop } = await start(dataDir)
  await query(url, keep)
  const pid = await postmasterPid(dataDir)
  process.kill(pid, signal)
  await until(async () => (await postmasterPid(dataDir)) !== pid)
  await until(async () => (await query(url, kept))?.answer === 42)
  await stop()
  await expect(query(url, kept)).rejects.toThrow('ECONNREFUSED')
})

test('brings a server back that waits for its last session to end before it ends itself', async () => {
  const dataDir = await makeDataDir()
  const { url, stop } = await start(dataDir)
  await query(url, keep)
  const pid = await postmasterPid(dataDir)
  // As `kill` and `pkill postgres` do: it takes no new sessions, and the session with the lease never ends.
  process.kill(pid, 'SIGTERM')
  await until(async () => (await postmasterPid(dataDir)) !== pid)
  await until(async () => (await query(url, kept))?.answer === 42)
  await stop()
  await expect(query(url, kept)).rejects.toThrow('ECONNREFUSED')
})

test('keeps its lease when a crashed session makes the server throw all sessions out', async () => {
  const dataDir = await makeDataDir()
  const { url } = await start(dataDir)
  const before = await postmasterPid(dataDir)
  const crash = query(url, 'select pg_sleep(60) /* crashing */')
  const find = `select pid from pg_stat_activity where query like '%/* crashing */%' and pid <> pg_backend_pid()`
  await until(async () => (await query(url, find)) !== undefined)
  process.kill(Number((await query(url, find))?.pid), 'SIGKILL')
  await expect(crash).rejects.toThrow()
  await until(async () => (await query(url, leaseHolders))?.count === 1)
  expect(await postmasterPid(dataDir)).toBe(before)
  await expect(start(dataDir)).rejects.toMatchObject({ code: 'data_dir_in_use' })
})

const leaseHolders = `select count(*)::int from pg_locks where locktype = 'advisory' and granted`

test.each([
  ['nobody has', async (): Promise<number> => 4_194_303],
  // The hardest stranger there is: a server under the same account, of another directory.
  ['another server has', otherServer],
] as const)('starts over a lock file with a number that %s', async (_, stranger) => {
  const dataDir = await makeDataDir()
  const first = await start(dataDir)
  await query(first.url, keep)
  const lines = (await readFile(pidFile(dataDir), 'utf8')).split('\n')
  await first.stop()
  const pid = await stranger()
  await writeFile(pidFile(dataDir), [pid, ...lines.slice(1)].join('\n'))

  const next = await start(dataDir)
  expect(await query(next.url, kept)).toEqual({ answer: 42 })
  expect(await postmasterPid(dataDir)).not.toBe(pid)
})

async function otherServer(): Promise<number> {
  const dataDir = await makeDataDir()
  await start(dataDir)
  return postmasterPid(dataDir)
}

test('starts over a lock file that a power cut left empty', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  await writeFile(pidFile(dataDir), '')
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(pidFile(dataDir), longAgo, longAgo)
  expect(await query((await start(dataDir)).url, 'select 1 as one')).toEqual({ one: 1 })
})

test('starts over an empty lock file that is dated in the future, as by a clock that was set back since', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  await writeFile(pidFile(dataDir), '')
  const later = new Date(Date.now() + 3_600_000)
  await utimes(pidFile(dataDir), later, later)
  expect(await query((await start(dataDir)).url, 'select 1 as one')).toEqual({ one: 1 })
})

test('leaves no half cluster when it is killed while making one', async () => {
  const dataDir = await makeDataDir()
  const service = spawnService(dataDir)
  service.url.catch(() => undefined)
  await until(async () => {
    const [unfinished] = await readdir(dataDir)
    return unfinished !== undefined && (await readdir(path.join(dataDir, unfinished, 'data'))).length > 3
  })
  await kill(service.child)
  expect(await readdir(dataDir)).not.toContain('postgres')

  const { url } = await start(dataDir)
  expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
  expect(await readdir(dataDir)).toEqual(['postgres'])
})

test('starts although the server’s own log cannot be moved aside, as on a full disk', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  const log = path.join(dataDir, 'postgres/server.log')
  await appendFile(log, Buffer.alloc(5 * 1024 * 1024, 'x'))
  // No file can take the place of a directory.
  await mkdir(`${log}.1`)
  expect(await query((await start(dataDir)).url, 'select 1 as one')).toEqual({ one: 1 })
})

test('keeps the server’s own log within bounds', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  const log = path.join(dataDir, 'postgres/server.log')
  await appendFile(log, Buffer.alloc(5 * 1024 * 1024, 'x'))
  await start(dataDir)
  expect((await stat(log)).size).toBeLessThan(10_000)
  expect((await stat(`${log}.1`)).size).toBeGreaterThan(5 * 1024 * 1024)
})
