import type { CompiledQuery, QueryResult } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'
import { pidOf } from './database.ts'

/** One connection to the real server, held for as long as the simulator needs it. */
export type Connection = {
  /** The server process behind it. */
  pid: number
  run<Row>(query: CompiledQuery<Row>): Promise<QueryResult<Row>>
}

/** Connections handed out and taken back without being closed: replicas crash often, and connecting is slow. */
export class Connections {
  private free: Connection[] = []
  private readonly db: Database
  private readonly closed = Promise.withResolvers<void>()
  private readonly held: Promise<void>[] = []

  constructor(db: Database) {
    this.db = db
  }

  async take(): Promise<Connection> {
    return this.free.pop() ?? (await this.open())
  }

  giveBack(connection: Connection): void {
    this.free.push(connection)
  }

  async close(): Promise<void> {
    this.closed.resolve()
    await Promise.all(this.held)
  }

  private open(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const held = this.db.connection().execute(async (connection) => {
        resolve({ pid: await pidOf(connection), run: (query) => connection.executeQuery(query) })
        await this.closed.promise
      })
      this.held.push(held.catch(reject))
    })
  }
}
