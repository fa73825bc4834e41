import { type CompiledQuery, sql } from 'kysely'
import { LedgerError } from '../../errors.ts'
import type { Database } from './database.ts'

/** What the service has to know of a server before it may store anything there. */
export type ServerFacts = {
  /** As PostgreSQL gives it: 140005 is 14.5. */
  version: number
  encoding: string
  isInRecovery: boolean
  isReadOnly: boolean
  synchronousCommit: string
  database: string
  user: string
  /** The schema for new tables; null: none of the search path exists. */
  schema: string | null
  mayCreateInSchema: boolean
  mayCreateSchemas: boolean
  /** Null: there is no schema of the queues yet. */
  mayUseQueueSchema: boolean | null
}

const oldestVersion = 140_000

/** Reads them in one statement. */
export async function readServerFacts(db: Database): Promise<ServerFacts> {
  const { rows } = await db.executeQuery(question.compile(db) as CompiledQuery<ServerFacts>)
  if (!rows[0]) throw new Error('the server says nothing of itself')
  return rows[0]
}

const question = sql<ServerFacts>`
  select
    current_setting('server_version_num')::int as version,
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as "isInRecovery",
    current_setting('transaction_read_only')::boolean as "isReadOnly",
    current_setting('synchronous_commit') as "synchronousCommit",
    current_database()::text as database,
    current_user::text as "user",
    current_schema()::text as schema,
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreateInSchema",
    has_database_privilege(current_database(), 'create') as "mayCreateSchemas",
    (select has_schema_privilege(oid, 'create') and has_schema_privilege(oid, 'usage')
      from pg_namespace where nspname = 'pgboss') as "mayUseQueueSchema"`

/** Why the service can never work with such a server, in one sentence with the remedy; null: it can. */
export function explainUnfit(facts: ServerFacts): string | null {
  const database = quoted(facts.database)
  const user = quoted(facts.user)
  if (facts.version < oldestVersion)
    return `PostgreSQL ${majorOf(facts.version)} is too old: the service needs 14 or later. Upgrade the server.`
  if (facts.encoding !== 'UTF8')
    return (
      `The database ${database} has the encoding ${facts.encoding}, which cannot store every name. Make another one and put it into ` +
      `DATABASE_URL: CREATE DATABASE ${database} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0.`
    )
  if (facts.isInRecovery)
    return 'This PostgreSQL server is a standby (in recovery) and takes no writes. Put the address of the primary into DATABASE_URL.'
  if (facts.isReadOnly)
    return (
      `The database ${database} is read-only for ${user}. Put the address of the primary into DATABASE_URL, or run ` +
      `ALTER DATABASE ${database} RESET default_transaction_read_only (or ALTER ROLE ${user} RESET the same).`
    )
  if (!['on', 'remote_apply'].includes(facts.synchronousCommit))
    return (
      `Sessions have synchronous_commit = ${facts.synchronousCommit}, although the service sets it to on: a pooler drops the setting. ` +
      'Connect without the pooler, or let it keep the settings of a session (pool_mode = session).'
    )
  return null
}

/**
 * Which right the service lacks, in one sentence with the remedy; null: none.
 *
 * @param needsTables whether tables are still to be made or changed.
 */
export function explainLackOfRights(facts: ServerFacts, needsTables: boolean): string | null {
  const database = quoted(facts.database)
  const user = quoted(facts.user)
  if (needsTables && facts.schema === null)
    return `The database ${database} has no schema for tables. Run there: CREATE SCHEMA public AUTHORIZATION ${user}.`
  if (needsTables && !facts.mayCreateInSchema)
    return (
      `${user} may not make tables in the schema ${quoted(facts.schema ?? '')} of the database ${database}. ` +
      `Run there: GRANT CREATE, USAGE ON SCHEMA ${quoted(facts.schema ?? '')} TO ${user}.`
    )
  if (facts.mayUseQueueSchema === null && !facts.mayCreateSchemas)
    return (
      `${user} may not make the schema pgboss in the database ${database}. ` +
      `Run there: CREATE SCHEMA pgboss AUTHORIZATION ${user}.`
    )
  if (facts.mayUseQueueSchema === false)
    return (
      `${user} may not make tables in the schema pgboss of the database ${database}. ` +
      `Run there: GRANT CREATE, USAGE ON SCHEMA pgboss TO ${user}.`
    )
  return null
}

/** @throws `config_invalid`: the service can never work with this server; the message says why, with the remedy. */
export async function checkServer(db: Database, needsTables: () => Promise<boolean>): Promise<void> {
  const facts = await readServerFacts(db)
  // On a server that is unfit anyway, nothing else is asked.
  const unfit = explainUnfit(facts) ?? explainLackOfRights(facts, await needsTables())
  if (unfit !== null) throw new LedgerError('config_invalid', unfit)
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function majorOf(version: number): number {
  return Math.floor(version / 10_000)
}
