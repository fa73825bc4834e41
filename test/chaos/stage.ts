import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { isLedgerError } from '../../src/errors.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { database, superuser } from '../../src/postgres/layout.ts'
import { findPostmaster } from '../../src/postgres/postmaster.ts'
import { startEmbeddedPostgres } from '../../src/postgres/start.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { Clocks, query } from '../support/clocks.ts'
import { makeRunDir, type RunDir } from '../support/run-dir.ts'
import { type ServiceProcess, spawnService } from '../support/spawn-service.ts'
import { until } from '../support/until.ts'
import type { Journal } from './journal.ts'
import { type Remote, remoteOf } from './remote.ts'
import type { World } from './world.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
/** A supervisor starts the service again and again. */
const betweenStartsMs = 300

/** The service, its Postgres and the panel, each in processes of their own that can be killed. */
export class Stage {
  readonly panel: Remote<World>
  readonly clocks: Clocks
  readonly webhookSecret = makeSecret()
  readonly dataDir: string
  private readonly journal: Journal
  private readonly panelProcess: ChildProcess
  private readonly runDir: RunDir
  private readonly environment: Record<string, string>
  private address: Awaited<ReturnType<Stage['panel']['address']>> | null = null
  private running: ServiceProcess | null = null

  private constructor(journal: Journal, panelProcess: ChildProcess, runDir: RunDir, port: number) {
    this.journal = journal
    this.panelProcess = panelProcess
    this.panel = remoteOf<World>(panelProcess)
    this.runDir = runDir
    this.dataDir = path.join(runDir.path, 'ledger')
    this.clocks = new Clocks(path.join(runDir.path, 'clock'))
    this.environment = {
      DATA_DIR: this.dataDir,
      PORT: String(port),
      POLL_INTERVAL: '1',
      SCAN_INTERVAL: '10',
      PANEL_LAG: '1',
      MARZBAN_TIMEOUT: '1',
      WEBHOOK_SECRET: this.webhookSecret,
      ...this.clocks.environment,
    }
  }

  /** @param place where the ledger's disk is; undefined: among the temporary files. */
  static async open(journal: Journal, place: string | undefined): Promise<Stage> {
    const panel = fork(path.join(import.meta.dirname, 'panel-process.ts'), { serialization: 'advanced' })
    await once(panel, 'message')
    const stage = new Stage(journal, panel, await makeRunDir(place), await freePort())
    const embedded = await startEmbeddedPostgres({ dataDir: stage.dataDir, log: quiet, now: Date.now })
    await stage.clocks.shadow(embedded.url)
    await embedded.stop()
    await stage.startService()
    return stage
  }

  get service(): ServiceProcess {
    if (!this.running) throw new Error('the service does not run')
    return this.running
  }

  /** Starts the service as a supervisor does: again and again until it runs. */
  async startService(): Promise<void> {
    this.address ??= await this.panel.address()
    const { address } = this
    const hear = (text: string) => this.journal.hear(text)
    await until('the service starts', async () => {
      try {
        this.running = await spawnService(address, this.environment, hear)
        return true
      } catch (error) {
        this.journal.note(String(error))
        await setTimeout(betweenStartsMs)
        return false
      }
    })
  }

  async killService(): Promise<void> {
    await this.running?.end('SIGKILL')
  }

  /** Resolves once the service is there and ready, a service that was killed having been started again. */
  async recover(): Promise<void> {
    await until('the service is ready', () => this.isReady())
  }

  private async isReady(): Promise<boolean> {
    const { exitCode, signalCode } = this.service.child
    if (exitCode !== null) throw new Error(`the service has ended by itself with ${exitCode}`)
    if (signalCode === 'SIGKILL') await this.startService()
    try {
      // What is left of a Postgres that was killed may answer once more.
      await this.query('select')
      return (await this.service.call('GET', '/readyz')).status === 200
    } catch {
      return false
    }
  }

  get servicePid(): number {
    return this.service.child.pid ?? 0
  }

  /** The server's first process and, where the system tells, all others; null: it does not run. */
  async postgres(): Promise<{ pid: number; port: number; children: number[] } | null> {
    const found = await findPostmaster(path.join(this.dataDir, 'postgres/data'), Date.now)
    if (found.state === 'none') return null
    const { pid } = found.postmaster
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    return { ...found.postmaster, children: children.split(' ').filter(Boolean).map(Number) }
  }

  async runningPostgres(): Promise<{ pid: number; port: number; children: number[] }> {
    const postgres = await this.postgres()
    if (!postgres) throw new Error('the database does not run')
    return postgres
  }

  async databaseUrl(): Promise<string> {
    const postgres = await this.runningPostgres()
    const password = (await readFile(path.join(this.dataDir, 'postgres/password'), 'utf8')).trim()
    return `postgres://${superuser}:${password}@127.0.0.1:${postgres.port}/${database}`
  }

  /** Postgres may notice only now that a session has crashed, and recover: that is waited for. */
  async query<Row extends object>(text: string): Promise<Row[]> {
    let rows: Row[] = []
    await until(`the database answers: ${text}`, async () => {
      try {
        rows = await query<Row & Record<string, unknown>>(await this.databaseUrl(), text)
        return true
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code?.startsWith('57P')) return false
        throw error
      }
    })
    return rows
  }

  /** @param work is done again from the start when Postgres notices only now that a session has crashed, and recovers. */
  async withDatabase<Result>(work: (db: Database) => Promise<Result>): Promise<Result> {
    const results: Result[] = []
    await until('the database stays there', async () => {
      if ((await this.postgres()) === null) return false
      const db = openDatabase({ url: await this.databaseUrl() })
      try {
        results.push(await work(db))
        return true
      } catch (error) {
        if (isLedgerError(error, 'database_unavailable')) return false
        throw error
      } finally {
        await db.destroy()
      }
    })
    return results[0] as Result
  }

  async close(): Promise<void> {
    const { child } = this.running ?? {}
    if (child && child.exitCode === null && child.signalCode === null) await this.killService()
    if (this.panelProcess.connected) this.panelProcess.disconnect()
    await this.runDir.remove()
  }
}
