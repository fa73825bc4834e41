import pg from 'pg'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { failureToConnect } from './failure-to-connect.ts'
import { createServerProbe } from './server-probe.ts'
import { createSessionClient, sessionConfig } from './session-client.ts'
import { databaseUnavailable } from './unavailable.ts'

/** How long a connection of the pooler is waited for. */
const limitMs = 5_000
/** Other clients of the pooler may get in between. */
const attempts = 3

/**
 * Refuses a pooler that gives each transaction any session of the server: locks, prepared statements, settings and
 * notifications belong to sessions.
 *
 * The first client lets its session go between two questions, if the pooler takes it. The second one begins a transaction
 * in between, and gets that session. So the first cannot have it again.
 *
 * @throws `config_invalid`, with the remedy; `database_unavailable`.
 */
export async function checkPooler(url: string): Promise<void> {
  try {
    await check(url)
  } catch (error) {
    throw isLedgerError(error) ? error : failureToConnect(error, url)
  }
}

async function check(url: string): Promise<void> {
  const Client = createSessionClient({ settings: {}, probe: createServerProbe(url) })
  const open = async () => {
    const client = new Client({ ...sessionConfig(url, 'marzban-ledger-start'), query_timeout: limitMs })
    await client.connect()
    return client
  }
  const first = await open()
  try {
    // The server itself: a pooler gives numbers of its own.
    if ((await sessionOf(first)) === numberOf(first)) return
    const second = await open().catch((error: unknown) => {
      throw databaseUnavailable(
        error,
        'The pooler gives no second connection. Raise its pool size to 20 or more.',
      )
    })
    try {
      for (let attempt = 0; attempt < attempts; attempt += 1) await compare(first, second)
    } finally {
      void second.end()
    }
  } finally {
    void first.end()
  }
}

async function compare(first: pg.Client, second: pg.Client): Promise<void> {
  const before = await sessionOf(first)
  await second.query('begin').catch(refuse)
  await sessionOf(second)
  const after = await sessionOf(first).catch(refuse)
  await second.query('commit')
  if (before !== after) refuse()
}

/** @param cause statements are pooled, or the second client has the only session of the pool. */
function refuse(cause?: unknown): never {
  if (cause !== undefined && !(cause instanceof pg.DatabaseError) && !/timeout/.test(String(cause)))
    throw cause
  throw new LedgerError(
    'config_invalid',
    'The pooler in DATABASE_URL (PgBouncer or the like) changes sessions between transactions, and the service needs sessions of its ' +
      'own. Set pool_mode = session for this database, or put the address of PostgreSQL itself into DATABASE_URL.',
    { cause },
  )
}

async function sessionOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}

/** The session's number as the other end gave it at the start. The driver's types leave it out. */
function numberOf(client: pg.Client): number {
  return (client as pg.Client & { processID: number }).processID
}
