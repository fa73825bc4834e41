import {
  type CompiledQuery,
  Kysely,
  type LogEvent,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type Transaction,
} from 'kysely'
import pg from 'pg'
import type { Tables } from '../tables.ts'
import { type ConnectionQueue, createConnectionQueue } from './connection-queue.ts'
import { failureToConnect } from './failure-to-connect.ts'
import { isOutage } from './outage.ts'
import { createQuerySender } from './round-trips.ts'
import { partsOf } from './sending.ts'
import { createServerProbe } from './server-probe.ts'
import { createSessionClient, sessionConfig } from './session-client.ts'
import { databaseUnavailable } from './unavailable.ts'

export type Database = Kysely<Tables>
export type Tx = Transaction<Tables>

const int8 = 20
const timestamp = 1114
const databaseTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && oid === int8) return BigInt
    if (format !== 'binary' && oid === timestamp) return wholeMicroseconds
    return pg.types.getTypeParser(oid, format)
  }) as typeof pg.types.getTypeParser,
}

/** Postgres leaves trailing zeros of the fraction out; two spellings of one moment must not compare as different. */
function wholeMicroseconds(text: string): string {
  const [seconds, fraction = ''] = text.split('.')
  return `${seconds}.${fraction.padEnd(6, '0')}`
}

const usualConnections = 10

/**
 * Opens a pool on the ledger's database. Nothing is connected before the first query.
 *
 * `bigint` columns arrive as bigint, `timestamp` as text, `timestamptz` as Date. Any failure that is not an answer
 * of the server to a statement becomes `database_unavailable`.
 *
 * @param options.url a `postgres://` URL.
 * @param options.connections hands out the connections; ten unless given.
 * @param options.onStatement called with every statement that was carried out.
 * @param options.onIdleError called when an idle connection breaks.
 */
export function openDatabase(options: {
  url: string
  connections?: ConnectionQueue
  onIdleError?: (error: Error) => void
  onStatement?: (statement: CompiledQuery) => void
}): Database {
  const queue = options.connections ?? createConnectionQueue(usualConnections)
  const Client = createSessionClient({ settings, probe: createServerProbe(options.url) })
  const pool = new pg.Pool({
    ...sessionConfig(options.url, 'marzban-ledger'),
    Client,
    max: queue.max,
    types: databaseTypes,
  })
  pool.on('error', (error) => options.onIdleError?.(error))
  const { onStatement } = options
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: namingFailures(pool, queue, options.url) }),
    ...(onStatement && { log: ({ query }: LogEvent) => partsOf(query).forEach(onStatement) }),
  })
}

const settings = {
  timezone: 'UTC',
  statement_timeout: '60s',
  // The server ends a transaction whose client is gone after this time. Nothing waits for anybody else while a transaction is
  // open, so a living one is never idle for long.
  idle_in_transaction_session_timeout: '15s',
  // A plan that is kept outlives the size of the table it was made for: none may read a table from end to end that has an index for it.
  enable_seqscan: 'off',
  // Where a table has no such index, the server takes the plan for very dear, and would compile it.
  jit: 'off',
}

/** The pool with every failure of the connection, as opposed to the server's answers, named in one place. */
function namingFailures(pool: pg.Pool, queue: ConnectionQueue, url: string): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      await queue.take()
      const client = await connect(pool).catch((error: unknown) => {
        queue.giveBack(false)
        throw failureToConnect(error, url)
      })
      let failed = false
      const send = createQuerySender(client, databaseTypes)
      const query = (text: string, values: readonly unknown[]) =>
        send(text, values).catch((error: unknown) => {
          failed ||= !isAnswer(error)
          return refuse(error)
        })
      const release = (destroy?: boolean) => {
        // The pool may not have heard yet that the other end is gone.
        client.release(destroy || failed)
        queue.giveBack(true)
      }
      return { query, release } as unknown as PostgresPoolClient
    },
  }
}

/** Files that the address names are read here: what is wrong with them is thrown, not rejected. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect()
}

function refuse(error: unknown): never {
  throw isAnswer(error) ? error : databaseUnavailable(error)
}

/** Whether the server has judged the statement, and the connection can go on. */
function isAnswer(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && !isOutage(error.code)
}
