import { execFile } from 'node:child_process'
import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** The system account that PostgreSQL's processes run as. */
export type Account = { uid: number; gid: number }

/** Of the account that PostgreSQL runs as when the service is run by root; nothing else runs as it. */
export const ownName = 'marzban-ledger'

/** Where accounts are kept, and with what programs they are made. */
export type Etc = { folder: string; tools: readonly Tool[] }

/** Makes the account; `wanted` are the numbers it shall have, if any. */
export type Tool = (wanted: Account | undefined) => Promise<unknown>

const home = '/nonexistent'
const shell = '/bin/false'

const useradd: Tool = async (wanted) => {
  const own = ['--system', '--no-create-home', '--home-dir', home, '--shell', shell]
  if (!wanted) return run('useradd', [...own, '--user-group', ownName])
  await run('groupadd', ['--system', '--gid', String(wanted.gid), ownName])
  return run('useradd', [...own, '--uid', String(wanted.uid), '--gid', String(wanted.gid), ownName])
}

/** Alpine's, where there is no `useradd`. Debian's program of the same name takes other options, and fails. */
const busybox: Tool = async (wanted) => {
  await run('addgroup', ['-S', ...(wanted ? ['-g', String(wanted.gid)] : []), ownName])
  const numbers = wanted ? ['-u', String(wanted.uid)] : []
  await run('adduser', ['-S', '-D', '-H', '-h', home, '-s', shell, '-G', ownName, ...numbers, ownName])
}

export const system: Etc = { folder: '/etc', tools: [useradd, busybox] }

/** The account of this name; undefined: there is none. */
export async function findAccount(etc: Etc, name: string): Promise<Account | undefined> {
  return (await readPasswd(etc)).find((entry) => entry.name === name)
}

/** Whether any account of this machine has this number. */
export async function isAssigned(etc: Etc, { uid }: Account): Promise<boolean> {
  return (await readPasswd(etc)).some((entry) => entry.uid === uid)
}

/** The name of the account with this number; undefined: it is nobody's. */
export async function nameOf(etc: Etc, uid: number): Promise<string | undefined> {
  return (await readPasswd(etc)).find((entry) => entry.uid === uid)?.name
}

/**
 * Makes the account {@link ownName}: with the system's own program, or, where there is none, as that would. Of two services
 * that start at the same moment both find the one that was made first.
 *
 * @returns undefined when this machine does not let it be made: `/etc` may be read-only.
 */
export async function makeAccount(etc: Etc, wanted: Account | undefined): Promise<Account | undefined> {
  const byHand: Tool = (numbers) => append(etc, numbers)
  for (const tool of [...etc.tools, byHand]) {
    await tool(wanted).catch(() => undefined)
    const made = await findAccount(etc, ownName)
    if (made) return made
  }
  return undefined
}

/** PostgreSQL's initdb looks its account up in `/etc/passwd`; a number alone would not do. */
async function append(etc: Etc, wanted: Account | undefined): Promise<void> {
  const { uid, gid } = wanted ?? (await freeNumbers(etc))
  const groups = await readFile(path.join(etc.folder, 'group'), 'utf8').catch(() => '')
  if (!groups.split('\n').some((line) => line.startsWith(`${ownName}:`))) {
    await appendLine(path.join(etc.folder, 'group'), `${ownName}:!:${gid}:`)
  }
  await appendLine(
    path.join(etc.folder, 'passwd'),
    `${ownName}:!:${uid}:${gid}:PostgreSQL of ${ownName}:${home}:${shell}`,
  )
}

async function appendLine(file: string, line: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => '')
  await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${line}\n`)
}

/** As `useradd --system` chooses: the highest number below a thousand that neither an account nor a group has. */
async function freeNumbers(etc: Etc): Promise<Account> {
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

async function readPasswd({ folder }: Etc): Promise<(Account & { name: string })[]> {
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
