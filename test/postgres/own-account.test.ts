import { lchown, link, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCluster } from '../../src/postgres/cluster.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { launch } from '../../src/postgres/launch.ts'
import { urlOf } from '../../src/postgres/layout.ts'
import { osAccountForPostgres } from '../../src/postgres/os-account.ts'
import { findOsAccount, nameOf, ownAccountName, system } from '../../src/postgres/own-account.ts'
import { makeDataDir, postmasterPid, query, start, until } from './support.ts'

const nobody = { uid: 65_534, gid: 65_534 }
const keep = 'create table kept as select 42 as answer'
const kept = 'select answer from kept'

/** An `/etc` in which no account can be made but by hand. */
async function makeEtc(passwd: string, group = ''): Promise<{ folder: string; tools: [] }> {
  const folder = await makeDataDir()
  await writeFile(path.join(folder, 'passwd'), passwd)
  await writeFile(path.join(folder, 'group'), group)
  return { folder, tools: [] }
}

async function giveTo(file: string, owner: { uid: number; gid: number }): Promise<void> {
  await lchown(file, owner.uid, owner.gid)
  if (!(await lstat(file)).isDirectory()) return
  for (const name of await readdir(file)) await giveTo(path.join(file, name), owner)
}

/** A cluster that is stopped, and beside it a file that is none of its business. */
async function stoppedBesideASecret(): Promise<{ dataDir: string; data: string; theirs: string }> {
  const dataDir = await makeDataDir()
  await (await start(dataDir)).stop()
  const theirs = path.join(dataDir, 'theirs')
  await writeFile(theirs, 'a secret')
  return { dataDir, data: path.join(dataDir, 'postgres/data'), theirs }
}

async function ownersIn(folder: string): Promise<Set<number>> {
  const names = await readdir(folder, { recursive: true })
  const found = await Promise.all(['', ...names].map((name) => lstat(path.join(folder, name))))
  return new Set(found.map(({ uid }) => uid))
}

describe.runIf(process.getuid?.() === 0 && process.platform === 'linux')('as root', () => {
  test('runs as an account of its own, which cannot read the password', async () => {
    const dataDir = await makeDataDir()
    const { url } = await start(dataDir)
    const status = await readFile(`/proc/${await postmasterPid(dataDir)}/status`, 'utf8')
    const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1])
    expect(await nameOf(system, uid)).toBe(ownAccountName)
    expect(/^Groups:\t(.*)$/m.exec(status)?.[1]?.trim()).toBe('')
    const password = await lstat(path.join(dataDir, 'postgres/password'))
    expect([password.uid, password.mode & 0o777]).toEqual([0, 0o600])
    expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
  })

  test('takes over what earlier versions kept as nobody, and lets nobody in without the password', async () => {
    const dataDir = await makeDataDir()
    const data = path.join(dataDir, 'postgres/data')
    const first = await start(dataDir)
    await query(first.url, keep)
    await first.stop()
    await writeFile(path.join(data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n')
    await giveTo(path.join(dataDir, 'postgres/password'), nobody)
    await giveTo(data, nobody)

    const { url } = await start(dataDir)
    expect(await query(url, kept)).toEqual({ answer: 42 })
    expect([...(await ownersIn(data))]).toEqual([(await findOsAccount(system, ownAccountName))?.uid])
    const wrong = new URL(url)
    wrong.password = 'guessed'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  })

  test('ends the server that a killed service of an earlier version left behind as nobody', async () => {
    const dataDir = await makeDataDir()
    const first = await start(dataDir)
    await query(first.url, keep)
    await first.stop()
    const cluster = { ...(await openCluster(dataDir, Date.now)), osAccount: nobody }
    await giveTo(cluster.data, nobody)
    await writeFile(path.join(cluster.home, 'server.log'), '')
    const port = await freePort()
    await launch(cluster, { port, strayPid: undefined, settings: {} })
    await until(async () => (await query(urlOf(cluster, port, 'marzban_ledger'), kept))?.answer === 42)
    const before = await postmasterPid(dataDir)

    const { url } = await start(dataDir)
    expect(await query(url, kept)).toEqual({ answer: 42 })
    expect(await postmasterPid(dataDir)).not.toBe(before)
  })

  test('writes through no link that the former account has left', async () => {
    const { dataDir, data, theirs } = await stoppedBesideASecret()
    await symlink(theirs, path.join(data, 'pg_hba.conf.new'))
    await giveTo(data, nobody)
    const { url } = await start(dataDir)
    expect(await readFile(theirs, 'utf8')).toBe('a secret')
    expect((await lstat(theirs)).uid).toBe(0)
    expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
  })

  test('goes on where it was killed while it took a cluster over', async () => {
    const dataDir = await makeDataDir()
    const home = path.join(dataDir, 'postgres')
    const first = await start(dataDir)
    await query(first.url, keep)
    await first.stop()
    // The folder was given away, and what is in it was not yet.
    await giveTo(path.join(home, 'data/base'), nobody)
    await writeFile(path.join(home, 'changing-owner'), '')
    expect(await query((await start(dataDir)).url, kept)).toEqual({ answer: 42 })
    expect(await readdir(home)).not.toContain('changing-owner')
  })

  test('takes nothing from an account that has never been lent to PostgreSQL', async () => {
    const dataDir = await makeDataDir()
    await (await start(dataDir)).stop()
    await giveTo(path.join(dataDir, 'postgres/data'), { uid: 1, gid: 1 })
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/belongs to uid 1.*give it to marzban-ledger with `chown -R`/),
    })
  })

  test('refuses to give a file away that has a second name elsewhere', async () => {
    const { dataDir, data, theirs } = await stoppedBesideASecret()
    await link(theirs, path.join(data, 'base/1/second-name'))
    await giveTo(data, nobody)
    await lchown(theirs, 0, 0)
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('second-name has a second name elsewhere'),
    })
    expect((await lstat(theirs)).uid).toBe(0)
  })

  test('makes the account by hand where no program does, with numbers that nobody has', async () => {
    const etc = await makeEtc(
      'root:x:0:0::/root:/bin/sh\nsshd:x:999:998::/:/bin/false',
      'root:x:0:\nkvm:x:997:',
    )
    expect(await osAccountForPostgres(undefined, etc)).toMatchObject({ uid: 996, gid: 996 })
    expect(await osAccountForPostgres(undefined, etc)).toMatchObject({ uid: 996, gid: 996 })
    expect(await readFile(path.join(etc.folder, 'passwd'), 'utf8')).toBe(
      'root:x:0:0::/root:/bin/sh\nsshd:x:999:998::/:/bin/false\n' +
        'marzban-ledger:!:996:996:PostgreSQL of marzban-ledger:/nonexistent:/bin/false\n',
    )
    expect(await readFile(path.join(etc.folder, 'group'), 'utf8')).toBe(
      'root:x:0:\nkvm:x:997:\nmarzban-ledger:!:996:\n',
    )
  })

  test('makes it with the numbers of the data, as in a new container around an old volume', async () => {
    const etc = await makeEtc('root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
    expect(await osAccountForPostgres({ uid: 871, gid: 872 }, etc)).toMatchObject({ uid: 871, gid: 872 })
    const other = await makeEtc('root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
    expect(await osAccountForPostgres(nobody, other)).toMatchObject({ uid: 999 })
  })

  test('names the remedy where no account can be made', async () => {
    const folder = path.join(await makeDataDir(), 'missing')
    await expect(osAccountForPostgres(undefined, { folder, tools: [] })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('useradd --system'),
    })
    await mkdir(folder)
    await writeFile(path.join(folder, 'passwd'), `${ownAccountName}:x:0:0::/:/bin/sh\n`)
    await expect(osAccountForPostgres(undefined, { folder, tools: [] })).rejects.toMatchObject({
      message: expect.stringContaining("root's number"),
    })
  })
})
