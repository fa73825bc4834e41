import { Writable } from 'node:stream'
import { type AppOptions, buildApp } from '../../src/app.ts'
import type { App } from '../../src/http/types.ts'
import { createLogger } from '../../src/log.ts'
import type { PanelAdmin, PanelUser } from '../../src/panel/types.ts'
import { drawAsked } from '../../src/store/clock.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { createCallers } from '../../src/work/callers.ts'
import { pollAdmins } from '../../src/work/observe-admins.ts'
import { observeGone, observeUsers } from '../../src/work/observe-users.ts'
import { createServices } from '../../src/work/services.ts'
import { createStats } from '../../src/work/stats.ts'
import { createTestDatabase } from '../support/database.ts'
import { createTestPanel, type TestPanel } from './panel.ts'

export const apiKey = 'the-key-of-the-operator-0123456789'
export const withKey = { 'x-api-key': apiKey }

/** The headers of a caller that logged in at the panel as `username`. */
export function as(username: string): { authorization: string } {
  return { authorization: `Bearer token-of-${username}` }
}

/** The application over real services and a database of its own; only the panel is in memory. */
export type TestService = {
  app: App
  db: Database
  panel: TestPanel
  /** What was logged so far, a line each. */
  logged: Record<string, unknown>[]
  /** How often a sync was asked for. */
  syncs: () => number
  poll(): Promise<void>
  observe(...users: PanelUser[]): Promise<void>
  lose(username: string): Promise<void>
  /** The id of the open account of an admin. */
  idOf(username: string): Promise<bigint>
  close(): Promise<void>
}

export type TestServiceOptions = Partial<AppOptions> & {
  admins: readonly PanelAdmin[]
  logLevel?: string
  /** How the application reaches the database, if not directly. */
  reach?: (url: string) => Promise<string>
  now?: () => number
}

/** Starts a {@link TestService}; `close` it when done. */
export async function startTestService(options: TestServiceOptions): Promise<TestService> {
  const { admins, logLevel = 'debug', reach, now = Date.now, ...appOptions } = options
  const database = await createTestDatabase()
  const db = openDatabase({ url: reach ? await reach(database.url) : database.url, max: 4 })
  const panel = createTestPanel(admins)
  const observing = { db, panel, panelLagMs: 0 }
  const logged: Record<string, unknown>[] = []
  const log = createLogger(
    logLevel,
    new Writable({ write: (line, _encoding, done) => done(void logged.push(JSON.parse(String(line)))) }),
  )
  let syncs = 0
  const services = createServices({
    db,
    callers: createCallers({ db, panel, apiKey, now }),
    stats: createStats({
      ...observing,
      pollIntervalSeconds: 15,
      scanIntervalSeconds: 600,
      now,
      onFailure: (error) => log.warn({ code: error.code }, error.message),
    }),
    requestSync: async () => {
      syncs += 1
    },
  })
  const app = buildApp({ services, log, version: '1.2.3', ...appOptions })
  await app.ready()
  return {
    app,
    db,
    panel,
    logged,
    syncs: () => syncs,
    poll: async () => pollAdmins(observing, await drawAsked(db)),
    observe: async (...users) => void (await observeUsers(db, await drawAsked(db), users)),
    lose: async (username) => void (await observeGone(db, await drawAsked(db), username)),
    idOf: async (username) => {
      const { id } = await db
        .selectFrom('admins')
        .select('id')
        .where('username', '=', username)
        .where('closed_at', 'is', null)
        .executeTakeFirstOrThrow()
      return id
    },
    close: async () => {
      await app.close()
      await db.destroy()
      await database.drop()
    },
  }
}
