import { execFile } from 'node:child_process'
import { chown, mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/start.ts'
import { hasty } from './postgres.ts'
import { copyTemplate, startTestServer } from './server.ts'
import { until } from './until.ts'

/** A primary and its synchronous standby: what one has confirmed, the other has too. */
export type Pair = {
  /** `postgres://` of a migrated database on the primary. */
  primaryUrl: string
  /** The same database on the standby. */
  standbyUrl: string
  /** Ends the primary without a word to anybody. */
  losePrimary(): Promise<void>
  /** Makes the standby a primary that waits for no other. */
  promote(): Promise<void>
  close(): Promise<void>
}

const log = { info: () => undefined, warn: () => undefined, error: console.error }
const copy = promisify(execFile)

/** Starts both from one cluster, which was stopped before it was copied. */
export async function startPair(): Promise<Pair> {
  const first = await startTestServer(hasty)
  const { pathname } = new URL((await copyTemplate(first)).url)
  await first.stop()
  const [ofPrimary, ofStandby] = [path.join(first.runDir, 'server'), path.join(first.runDir, 'standby')]
  await mkdir(ofStandby, { mode: 0o711 })
  await copy('cp', ['-a', path.join(ofPrimary, 'postgres'), ofStandby])
  await markAsStandby(path.join(ofStandby, 'postgres/data'))

  const start = (dataDir: string, settings: Record<string, string>) =>
    startEmbeddedPostgres({ dataDir, log, now: Date.now, settings: { ...hasty, ...settings } })
  const primary = await start(ofPrimary, {})
  const { port, username, password } = new URL(primary.url)
  const standby = await start(ofStandby, {
    primary_conninfo: `host=127.0.0.1 port=${port} user=${username} password=${password}`,
  })
  await run(primary, "alter system set synchronous_standby_names = '*'")
  await run(primary, 'select pg_reload_conf()')
  await until('the standby is synchronous', async () => {
    const rows = await run(primary, 'select sync_state from pg_stat_replication')
    return rows.some(({ sync_state }) => sync_state === 'sync')
  })

  const at = ({ url }: EmbeddedPostgres) => Object.assign(new URL(url), { pathname }).href
  return {
    primaryUrl: at(primary),
    standbyUrl: at(standby),
    losePrimary: () => primary.stop(),
    promote: async () => void (await run(standby, 'select pg_promote()')),
    close: async () => {
      await standby.stop()
      await primary.stop()
      await first.remove()
    },
  }
}

async function markAsStandby(data: string): Promise<void> {
  const file = path.join(data, 'standby.signal')
  const { uid, gid } = await stat(data)
  await writeFile(file, '', { mode: 0o600 })
  await chown(file, uid, gid)
}

async function run({ url }: EmbeddedPostgres, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    return rows
  } finally {
    await client.end()
  }
}
