import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { kill, makeDataDir, query, spawnService, start } from './support.ts'

test('refuses a second service, and leaves the first alone', async () => {
  const dataDir = await makeDataDir()
  const { url } = await start(dataDir)
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'data_dir_in_use',
    message: expect.stringContaining(dataDir),
  })
  expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
})

test('lets one of two services in that start at the same moment', async () => {
  const dataDir = await makeDataDir()
  await expectOneOf(dataDir)
})

test('lets one of two services in that find a killed service’s server at the same moment', async () => {
  const dataDir = await makeDataDir()
  const killed = spawnService(dataDir)
  await killed.url
  await kill(killed.child)
  await expectOneOf(dataDir)
})

async function expectOneOf(dataDir: string): Promise<void> {
  const results = await Promise.allSettled([spawnService(dataDir).url, start(dataDir), start(dataDir)])
  const urls = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  expect(urls).toHaveLength(1)
  for (const result of results)
    if (result.status === 'rejected') expect(String(result.reason)).toContain('Another running service')
  const [winner] = urls
  expect(await query(typeof winner === 'object' ? winner.url : String(winner), 'select 1 as one')).toEqual({
    one: 1,
  })
}

test('names the version of a cluster that it can’t read', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  await writeFile(path.join(dataDir, 'postgres/data/PG_VERSION'), '14\n')
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/PostgreSQL 14.*PostgreSQL 18.*pg_dump/),
  })
})

test('refuses data that others may read', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  await chmod(path.join(dataDir, 'postgres/data'), 0o777)
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('chmod 700'),
  })
})

test('names the password file when it is not the database’s', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  const file = path.join(dataDir, 'postgres/password')
  await writeFile(file, 'another\n')
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining(file),
  })
  await rm(file)
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining(file),
  })
})

test('refuses a data directory that is a file', async () => {
  const dataDir = await makeDataDir()
  const file = path.join(dataDir, 'file')
  await writeFile(file, '')
  await expect(start(file)).rejects.toMatchObject({ code: 'config_invalid', field: 'DATA_DIR' })
})

test('refuses a folder `postgres` that holds something else', async () => {
  const dataDir = await makeDataDir()
  await mkdir(path.join(dataDir, 'postgres/data'), { recursive: true })
  await chmod(path.join(dataDir, 'postgres/data'), 0o700)
  await expect(start(dataDir)).rejects.toMatchObject({ code: 'config_invalid', field: 'DATA_DIR' })
})

test('names what is in the way where the data was moved away and the rest was not', async () => {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  const home = path.join(dataDir, 'postgres')
  await rename(path.join(home, 'data'), path.join(dataDir, 'away'))
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining(`move ${home} away`),
  })
  await rename(home, path.join(dataDir, 'rest'))
  expect(await query((await start(dataDir)).url, 'select 1 as one')).toEqual({ one: 1 })
})

test.runIf(process.getuid?.() !== 0)('refuses a data directory that it may not write', async () => {
  const dataDir = await makeDataDir()
  await chmod(dataDir, 0o500)
  await expect(start(dataDir)).rejects.toMatchObject({ code: 'config_invalid', field: 'DATA_DIR' })
})
