import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { findProgram } from './find-program.ts'
import { until } from './until.ts'

/** Null: this machine has none. */
export const pgbouncer = findProgram('pgbouncer')

/** An account that is not root's: PgBouncer refuses to run as root. */
const nobody = 65_534

export type Pooler = { url: string; stop(): Promise<void> }

/**
 * Starts PgBouncer before the server at `url`.
 *
 * @param settings lines of its configuration, over its own defaults.
 */
export async function startPgbouncer(
  url: string,
  runDir: string,
  settings: Record<string, string>,
): Promise<Pooler> {
  if (!pgbouncer) throw new Error('no pgbouncer on this machine')
  const { hostname, port, username, password } = new URL(url)
  const folder = await mkdtemp(path.join(runDir, 'pgbouncer-'))
  const own = await freePort()
  const lines = Object.entries({
    listen_addr: '127.0.0.1',
    listen_port: String(own),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: path.join(folder, 'users'),
    ...settings,
  }).map(([name, value]) => `${name} = ${value}`)
  const text = `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\n${lines.join('\n')}\n`
  await writeFile(path.join(folder, 'pgbouncer.ini'), text)
  await writeFile(path.join(folder, 'users'), `"${username}" "${password}"\n`, { mode: 0o600 })
  const isRoot = process.getuid?.() === 0
  if (isRoot) {
    for (const name of ['', 'pgbouncer.ini', 'users']) await chown(path.join(folder, name), nobody, nobody)
    await chmod(folder, 0o700)
  }
  const child: ChildProcess = spawn(pgbouncer, [path.join(folder, 'pgbouncer.ini')], {
    ...(isRoot && { uid: nobody, gid: nobody }),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (chunk) => (said += String(chunk)))
  await until('PgBouncer listens', async () => {
    if (child.exitCode !== null) throw new Error(said)
    return said.includes('process up')
  })
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(own)
  return {
    url: through.href,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      child.kill('SIGTERM')
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 3_000))])
      child.kill('SIGKILL')
      await exited
    },
  }
}
