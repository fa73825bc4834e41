import pg from 'pg'
import { createServerProbe, type ServerProbe } from './server-probe.ts'

export type SessionOptions = {
  /** Settings of each session, as PostgreSQL names them. */
  settings: Readonly<Record<string, string>>
  /** Says what the server does about a statement that gets no answer. */
  probe: ServerProbe
}

/** How long the service waits for a connection. */
const connectMs = 5_000

type SessionConfig = {
  connectionString: string
  application_name: string
  connectionTimeoutMillis: number
  keepAlive: boolean
  keepAliveInitialDelayMillis: number
}

/** How every session of the service is opened; `name` shows in the server's `pg_stat_activity`. */
export function sessionConfig(url: string, name: string): SessionConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: connectMs,
    // A server that vanishes without a word is noticed even when nothing is asked.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

/** The same for a pool that is not ours; its statements have no time limits. */
export function poolConfig(url: string, name: string): SessionConfig & { Client: typeof pg.Client } {
  const Client = createSessionClient({ settings: {}, probe: createServerProbe(url) })
  return { ...sessionConfig(url, name), Client }
}

/** How long a statement may take before the server is asked whether it works on it. */
const patienceMs = 3_000

/** A commit must have reached the disk before anyone acts on it, whatever the server's default is. */
const ours = { synchronous_commit: 'on' }

/**
 * The driver's client, with sessions that are set as the service needs them. A connection that hangs is broken: then what
 * waits for it fails, as if the network had cut it. A statement that takes long is waited for as long as the server works on it.
 *
 * The settings go as statements. A pooler like PgBouncer refuses or drops them in the startup packet.
 */
export function createSessionClient({ settings, probe }: SessionOptions): typeof pg.Client {
  const all = Object.entries({ ...settings, ...ours })
  const set = all.map(([name, value]) => `set ${name} = ${pg.escapeLiteral(value)}`)
  const opening = [...set, 'select pg_backend_pid() as pid'].join('; ')

  return class SessionClient extends pg.Client {
    private backend: number | null = null
    private overdue: NodeJS.Timeout | undefined
    private isLost = false

    constructor(config?: string | pg.ClientConfig) {
      super(config)
      const answered = () => {
        clearTimeout(this.overdue)
        this.overdue = undefined
        this.isLost = false
      }
      this.on('drain', answered)
      this.on('end', answered)
      // A session that breaks fails what waits for it, or what comes next. It also has an error event, and pools listen to it only
      // while the session is idle: without a listener, that event would end the process.
      this.on('error', () => {})
      this.query = ((...values: unknown[]) => {
        this.watch()
        return Reflect.apply(pg.Client.prototype.query, this, values)
      }) as pg.Client['query']
      this.connect = ((callback?: (error: Error | null, client?: pg.Client) => void) => {
        const opened = this.open()
        if (!callback) return opened
        opened.then((client) => callback(null, client), callback)
      }) as pg.Client['connect']
    }

    private async open(): Promise<pg.Client> {
      try {
        await (Reflect.apply(pg.Client.prototype.connect, this, []) as Promise<pg.Client>)
        const results = (await this.query(opening)) as unknown as pg.QueryResult<{ pid: number }>[]
        this.backend = results.at(-1)?.rows[0]?.pid ?? null
      } catch (error) {
        // Nobody else knows of this connection, and the driver leaves one open that it could not log in to.
        this.connection.stream.destroy()
        throw error
      }
      return this
    }

    private watch(): void {
      clearTimeout(this.overdue)
      const overdue = setTimeout(() => void this.ask(overdue), patienceMs)
      this.overdue = overdue
    }

    private async ask(overdue: NodeJS.Timeout): Promise<void> {
      const { state, reason } = await probe(this.backend)
      // It was answered meanwhile.
      if (this.overdue !== overdue) return
      // What has just been answered may still be on its way.
      if (state === 'away' || (state === 'idle' && this.isLost)) {
        this.connection.stream.destroy(new Error(`PostgreSQL hangs: ${reason}`))
        return
      }
      this.isLost = state === 'idle'
      this.watch()
    }
  }
}
