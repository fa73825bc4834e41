import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { freePort } from '../../src/postgres/free-port.ts'
import { osAccountForPostgres } from '../../src/postgres/os-account.ts'
import { until } from './until.ts'

/** The folder of the newest PostgreSQL that Debian's packages have installed; null: there is none. */
export const systemBinaries: string | null =
  globSync('/usr/lib/postgresql/*/bin')
    .filter((folder) =>
      ['initdb', 'postgres', 'pg_dump', 'psql'].every((name) => existsSync(path.join(folder, name))),
    )
    .sort((a, b) => Number(a.split('/')[4]) - Number(b.split('/')[4]))
    .at(-1) ?? null

export type SystemServer = {
  /** Makes an empty database, and returns its `postgres://` address. */
  create(name: string): Promise<string>
  stop(): Promise<void>
}

/** Starts a server of the machine's own PostgreSQL, in a directory of its own. */
export async function startSystemServer(binaries: string): Promise<SystemServer> {
  const osAccount = await osAccountForPostgres(undefined)
  const place = await mkdtemp(path.join(tmpdir(), 'ledger-system-postgres-'))
  if (osAccount) await chown(place, osAccount.uid, osAccount.gid)
  const options = { ...osAccount, cwd: place, stdio: 'ignore' } as const
  const data = path.join(place, 'data')
  const made = spawn(
    path.join(binaries, 'initdb'),
    ['-D', data, '-U', 'ledger', '-E', 'UTF8', '--no-sync'],
    options,
  )
  const [code] = await once(made, 'exit')
  if (code !== 0) throw new Error(`initdb ended with ${code}`)
  const port = await freePort()
  const settings = { fsync: 'off', listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const server = spawn(
    path.join(binaries, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    options,
  )
  const ended = once(server, 'exit')
  const urlOf = (name: string) => `postgres://ledger@127.0.0.1:${port}/${name}`
  const ask = async (statement: string) => {
    const client = new pg.Client({ connectionString: urlOf('postgres') })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }
  await until('the server answers', async () =>
    ask('select 1').then(
      () => true,
      () => false,
    ),
  )
  return {
    create: async (name) => {
      await ask(`create database ${pg.escapeIdentifier(name)}`)
      return urlOf(name)
    },
    stop: async () => {
      server.kill('SIGINT')
      await ended
      await rm(place, { recursive: true, force: true })
    },
  }
}
