import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import { LedgerError } from '../../src/errors.ts'
import type { Database } from '../../src/store/connection/database.ts'
import type { Tables } from '../../src/store/tables.ts'
import type { Connection, Connections } from './connections.ts'
import type { Gate, Held, Operation } from './point.ts'

/** An operation's connection to the database: each statement waits until the scheduler lets it go. */
class Line implements DatabaseConnection, Held {
  readonly operation: Operation
  inTransaction = false
  /** The real connection, from the first statement on. */
  connection: Connection | null = null
  private isLost = false
  private readonly scheduler: Gate
  private readonly connections: Connections

  constructor(operation: Operation, scheduler: Gate, connections: Connections) {
    this.operation = operation
    this.scheduler = scheduler
    this.connections = connections
  }

  executeQuery<Row>(query: CompiledQuery<unknown>): Promise<QueryResult<Row>> {
    return this.send(query as CompiledQuery<Row>, this.inTransaction)
  }

  begin(): Promise<unknown> {
    return this.send(CompiledQuery.raw('begin'), true)
  }

  end(how: 'commit' | 'rollback'): Promise<unknown> {
    return this.send(CompiledQuery.raw(how), false)
  }

  /** The connection breaks: the server rolls back what is open, and nothing can be sent on it any more. */
  async lose(): Promise<void> {
    this.isLost = true
    if (this.inTransaction) await this.connection?.run(CompiledQuery.raw('rollback'))
    this.inTransaction = false
  }

  release(): void {
    if (this.connection) this.connections.giveBack(this.connection)
    this.connection = null
  }

  streamQuery(): never {
    throw new Error('the ledger streams nothing')
  }

  private send<Row>(query: CompiledQuery<Row>, inTransaction: boolean): Promise<QueryResult<Row>> {
    if (this.isLost) return Promise.reject(connectionLost())
    return this.scheduler.arrive({
      operation: this.operation,
      kind: 'statement',
      label: query.sql.trim().replace(/\s+/g, ' ').slice(0, 60),
      line: this,
      perform: async () => {
        this.connection ??= await this.connections.take()
        const result = await this.connection.run(query)
        this.inTransaction = inTransaction
        return result
      },
    })
  }
}

/** What the store makes of a connection that breaks. */
export function connectionLost(): LedgerError {
  return new LedgerError('database_unavailable', 'the connection was cut by the simulator')
}

/** The database as one operation sees it. */
export function databaseOf(operation: Operation, scheduler: Gate, connections: Connections): Database {
  const driver: Driver = {
    init: async () => {},
    destroy: async () => {},
    acquireConnection: async () => {
      const line = new Line(operation, scheduler, connections)
      operation.lines.add(line)
      return line
    },
    releaseConnection: async (line) => {
      operation.lines.delete(line as Line)
      ;(line as Line).release()
    },
    beginTransaction: async (line) => {
      await (line as Line).begin()
    },
    commitTransaction: async (line) => {
      await (line as Line).end('commit')
    },
    rollbackTransaction: async (line) => {
      await (line as Line).end('rollback')
    },
  }
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })
}
