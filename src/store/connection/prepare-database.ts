import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { checkPooler } from './check-pooler.ts'
import type { Database } from './database.ts'
import { explainConnectFailure } from './failure-sentence.ts'
import { isMigrated, migrateToLatest } from './migrate.ts'
import { isOutage } from './outage.ts'
import { checkServer } from './requirements.ts'

/** What the start says about the database. */
export type PreparationNews = {
  /** The database cannot be used now, which may pass; `reason` says what is waited for. */
  onWait: (reason: string) => void
  onOtherReplica: () => void
  /** Called when steps were applied. */
  onMigrated: (steps: string[]) => void
}

/** How long the start waits for a database that does not answer, and between two tries. */
const patienceMs = 30_000
const pauseMs = 1_000

/**
 * Waits until the database at `url` answers, checks that the service can work with it, migrates it, and makes the schema of
 * the queues.
 *
 * @throws `config_invalid` at once for what cannot pass by itself; `database_unavailable` when it has not passed in half a
 *   minute. Both messages are for the operator: they name the server, and the remedy.
 */
export async function prepareDatabase(db: Database, url: string, news: PreparationNews): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      await checkPooler(url)
      await checkServer(db, async () => !(await isMigrated(db)))
      const steps = await migrateToLatest(db, { onWait: news.onOtherReplica })
      if (steps.length > 0) news.onMigrated(steps)
      await makeQueueSchema(db)
      return
    } catch (error) {
      const failure = explain(error, url)
      if (!failure.mayPass) throw new LedgerError('config_invalid', failure.sentence, { cause: error })
      if (performance.now() > deadline)
        throw new LedgerError(
          'database_unavailable',
          `The database could not be used for ${patienceMs / 1_000} seconds. ${failure.sentence}`,
          { cause: error },
        )
      news.onWait(failure.sentence)
      await setTimeout(pauseMs)
    }
  }
}

/** Makes the schema of the queues, unless somebody has: PostgreSQL asks for the right to make schemas even then. */
async function makeQueueSchema(db: Database): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`lock table queue_clock in exclusive mode`.execute(tx)
    const { rows } = await sql`select from pg_namespace where nspname = 'pgboss'`.execute(tx)
    if (rows.length === 0) await sql`create schema pgboss`.execute(tx)
  })
}

/**
 * What `error`, of a part that has connections of its own, means for the start.
 *
 * @returns `config_invalid` or `database_unavailable`, with a message for the operator; `error` itself when it is a bug.
 */
export function failureOfStart(error: unknown, url: string): unknown {
  if (error instanceof pg.DatabaseError && error.code === missingRight)
    return new LedgerError('config_invalid', explainMissingRight(error), { cause: error })
  if (!(error instanceof Error) || isLedgerError(error)) return error
  const isOfConnection = error instanceof pg.DatabaseError ? isOutage(error.code) : isNetworkError(error)
  if (!isOfConnection) return error
  const { sentence } = explainConnectFailure(error, url)
  return new LedgerError('database_unavailable', sentence, { cause: error })
}

function isNetworkError(error: Error): boolean {
  return 'syscall' in error || /^Connection terminated|timeout|^PostgreSQL hangs/.test(error.message)
}

/**
 * Names for the operator what keeps the service from its database.
 *
 * @throws `error` itself when it is a bug.
 */
function explain(error: unknown, url: string): { mayPass: boolean; sentence: string } {
  if (isLedgerError(error, 'config_invalid'))
    return { mayPass: false, sentence: error.forOperator ?? error.message }
  if (isLedgerError(error, 'database_unavailable'))
    return {
      mayPass: true,
      sentence: error.forOperator ?? explainConnectFailure(error.cause, url).sentence,
    }
  if (error instanceof pg.DatabaseError && error.code === missingRight)
    return { mayPass: false, sentence: explainMissingRight(error) }
  // An older version of the service, after an upgrade.
  if (error instanceof Error && error.message.startsWith('corrupted migrations'))
    return {
      mayPass: false,
      sentence: `The database was migrated by another version of the service (${error.message}). Start that version or a later one.`,
    }
  throw error
}

const missingRight = '42501'

/** What a check beforehand cannot see: tables that belong to somebody else, as after a restore. */
function explainMissingRight(error: pg.DatabaseError): string {
  return (
    `PostgreSQL does not let the service change its tables: ${error.message} (${error.code}). ` +
    "Make the user in DATABASE_URL the owner of the database's tables: REASSIGN OWNED BY former_owner TO that_user."
  )
}
