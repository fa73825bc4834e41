import { execFile } from 'node:child_process'
import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** An account of the operating system, such as the one that PostgreSQL runs as. */
export type OsAccount = { uid: number; gid: number }

/** The name of PostgreSQL's account when root runs the service. Nothing else runs as this account. */
export const ownAccountName = 'marzban-ledger'

/** The folder that lists the accounts, and the programs that make them. */
export type Etc = { folder: string; tools: readonly Tool[] }

/** Makes the account, with the numbers `wanted` if they are given. */
export type Tool = (wanted: OsAccount | undefined) => Promise<unknown>

const home = '/nonexistent'
const shell = '/bin/false'

const useradd: Tool = async (wanted) => {
  const own = ['--system', '--no-create-home', '--home-dir', home, '--shell', shell]
  if (!wanted) return run('useradd', [...own, '--user-group', ownAccountName])
  await run('groupadd', ['--system', '--gid', String(wanted.gid), ownAccountName])
  return run('useradd', [...own, '--uid', String(wanted.uid), '--gid', String(wanted.gid), ownAccountName])
}

/** Alpine's, where there is no `useradd`. Debian's program of the same name takes other options, and fails. */
const busybox: Tool = async (wanted) => {
  await run('addgroup', ['-S', ...(wanted ? ['-g', String(wanted.gid)] : []), ownAccountName])
  const numbers = wanted ? ['-u', String(wanted.uid)] : []
  await run('adduser', [
    '-S',
    '-D',
    '-H',
    '-h',
    home,
    '-s',
    shell,
    '-G',
    ownAccountName,
    ...numbers,
    ownAccountName,
  ])
}

export const system: Etc = { folder: '/etc', tools: [useradd, busybox] }

/** The account of this name; undefined: there is none. */
export async function findOsAccount(etc: Etc, name: string): Promise<OsAccount | undefined> {
  return (await readPasswd(etc)).find((entry) => entry.name === name)
}

/** Whether any account of this machine has this number. */
export async function isAssigned(etc: Etc, { uid }: OsAccount): Promise<boolean> {
  return (await readPasswd(etc)).some((entry) => entry.uid === uid)
}

/** The name of the account with this number; undefined: no account has it. */
export async function nameOf(etc: Etc, uid: number): Promise<string | undefined> {
  return (await readPasswd(etc)).find((entry) => entry.uid === uid)?.name
}

/**
 * Makes the account {@link ownAccountName}: with the system's own program, or by hand where there is none. Two
 * services that start at the same moment both find the account that was made first.
 *
 * @returns undefined when it cannot be made: `/etc` may be read-only.
 */
export async function makeOsAccount(etc: Etc, wanted: OsAccount | undefined): Promise<OsAccount | undefined> {
  const byHand: Tool = (numbers) => append(etc, numbers)
  for (const tool of [...etc.tools, byHand]) {
    await tool(wanted).catch(() => undefined)
    const made = await findOsAccount(etc, ownAccountName)
    if (made) return made
  }
  return undefined
}

/** PostgreSQL's initdb looks its account up in `/etc/passwd`; a number alone is not enough. */
async function append(etc: Etc, wanted: OsAccount | undefined): Promise<void> {
  const { uid, gid } = wanted ?? (await freeNumbers(etc))
  const groups = await readFile(path.join(etc.folder, 'group'), 'utf8').catch(() => '')
  if (!groups.split('\n').some((line) => line.startsWith(`${ownAccountName}:`))) {
    await appendLine(path.join(etc.folder, 'group'), `${ownAccountName}:!:${gid}:`)
  }
  await appendLine(
    path.join(etc.folder, 'passwd'),
    `${ownAccountName}:!:${uid}:${gid}:PostgreSQL of ${ownAccountName}:${home}:${shell}`,
  )
}

async function appendLine(file: string, line: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => '')
  await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${line}\n`)
}

/** As `useradd --system` chooses: the highest number below a thousand that neither an account nor a group has. */
async function freeNumbers(etc: Etc): Promise<OsAccount> {
  const groups = await readFile(path.join(etc.folder, 'group'), 'utf8').catch(() => '')
  const taken = new Set([
    ...(await readPasswd(etc)).flatMap(({ uid, gid }) => [uid, gid]),
    ...groups.split('\n').map((line) => Number(line.split(':')[2])),
  ])
  for (let number = 999; number >= 100; number -= 1) {
    if (!taken.has(number)) return { uid: number, gid: number }
  }
  throw new Error('all numbers of system accounts are taken')
}

async function readPasswd({ folder }: Etc): Promise<(OsAccount & { name: string })[]> {
  const text = await readFile(path.join(folder, 'passwd'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 7)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
}

function run(program: string, args: string[]): Promise<unknown> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
  return promisify(execFile)(program, args, { cwd: '/', env, timeout: 10_000 })
}
