import { execFile } from 'node:child_process'
import { chmod, chown, lstat, mkdir, mkdtemp, rm, truncate } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { makeRootOwnedCopy } from '../../src/postgres/root-owned-copy.ts'
import { makeCheckout } from './checkout.ts'
import { makeDataDir, query, spawnService } from './support.ts'

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }

test('names the remedy when the programs are not installed', async () => {
  const { service } = await makeCheckout({ packages: false })
  await expect(spawnService(await makeDataDir(), service).url).rejects.toThrow(/not installed.*DATABASE_URL/)
})

test('works with packages whose install scripts were switched off', async () => {
  const { service } = await makeCheckout({ links: false })
  const url = await spawnService(await makeDataDir(), service).url
  expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
})

describe.runIf(isRoot)('as root', () => {
  test('serves when programs and data lie where nobody else may enter', async () => {
    const { service, native } = await makeCheckout()
    const dataDir = await makeDataDir()
    await expect(version(native)).rejects.toMatchObject({ code: 'EACCES' })
    expect((await lstat(dataDir)).mode & 0o777).toBe(0o700)

    const url = await spawnService(dataDir, service).url
    expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
    expect((await lstat(dataDir)).mode & 0o777).toBe(0o700)
  })

  test('copies the programs once, to where every account can execute them', async () => {
    const { native } = await makeCheckout({ links: false })
    const place = await makePlace(0o755)
    const copy = await makeRootOwnedCopy(native, usable, [place])
    expect(await version(String(copy))).toContain('PostgreSQL')
    const { ino } = await lstat(String(copy))
    expect(await makeRootOwnedCopy(native, usable, [place])).toBe(copy)
    expect((await lstat(String(copy))).ino).toBe(ino)
  })

  test.each([
    ['a file was swept away', (copy: string) => rm(path.join(copy, 'bin/initdb'))],
    ['a file is cut short', (copy: string) => truncate(path.join(copy, 'bin/initdb'), 10)],
    [
      'a file is somebody else’s',
      (copy: string) => chown(path.join(copy, 'bin/initdb'), nobody.uid, nobody.gid),
    ],
    ['a folder is open to others', (copy: string) => chmod(path.join(copy, 'lib'), 0o777)],
  ])('copies again when %s', async (_, spoil) => {
    const { native } = await makeCheckout()
    const place = await makePlace(0o755)
    const copy = String(await makeRootOwnedCopy(native, usable, [place]))
    const { ino } = await lstat(copy)
    await spoil(copy)
    expect(await makeRootOwnedCopy(native, usable, [place])).toBe(copy)
    expect((await lstat(copy)).ino).not.toBe(ino)
  })

  test('executes nothing that somebody else put under the name', async () => {
    const { native } = await makeCheckout()
    const place = await makePlace(0o1777)
    const name = String(await makeRootOwnedCopy(native, usable, [place]))
    await rm(name, { recursive: true })
    await mkdir(name)
    await chown(name, nobody.uid, nobody.gid)

    const copy = String(await makeRootOwnedCopy(native, usable, [place]))
    expect(copy).not.toBe(name)
    expect((await lstat(copy)).uid).toBe(0)
  })

  test('passes over places that others could exchange, that don’t exist or don’t serve', async () => {
    const { native } = await makeCheckout()
    const open = await makePlace(0o777)
    const theirs = await makePlace(0o755)
    await chown(theirs, nobody.uid, nobody.gid)
    const tried: string[] = []
    const refuseFirst = async (copy: string) => tried.push(copy) > 1
    const places = [open, theirs, path.join(open, 'absent'), await makePlace(0o755), await makePlace(0o755)]
    const copy = await makeRootOwnedCopy(native, refuseFirst, places)
    expect(tried.map((file) => path.dirname(file))).toEqual(places.slice(3))
    expect(copy).toBe(tried[1])
  })
})

async function usable(copy: string): Promise<boolean> {
  return (await version(copy)).includes('PostgreSQL')
}

async function version(native: string): Promise<string> {
  const run = promisify(execFile)
  return (await run(path.join(native, 'bin/postgres'), ['--version'], { ...nobody, cwd: '/' })).stdout
}

async function makePlace(mode: number): Promise<string> {
  const place = await mkdtemp(path.join(inject('runDir'), 'place-'))
  onTestFinished(() => rm(place, { recursive: true, force: true }))
  await chmod(place, mode)
  return place
}
