import type { CompiledQuery } from 'kysely'
import type { Database, Tx } from './database.ts'
import { keepPrepared } from './prepared-statements.ts'
import { joined, postponed } from './sending.ts'

/** One statement that has not been carried out yet, and what its rows mean. */
export type Statement<Result> = {
  query: Query<unknown>
  toResult(rows: unknown[]): Result
  /** See {@link prepared}. */
  isPrepared?: boolean
}

type Query<Row> = { compile(db: Database): CompiledQuery<Row> }

/** @param toResult what its rows mean; left out: themselves. */
export function statement<Row, Result = Row[]>(
  query: Query<Row>,
  toResult: (rows: Row[]) => Result = (rows) => rows as Result,
): Statement<Result> {
  return { query, toResult: (rows) => toResult(rows as Row[]) }
}

/**
 * The same statement, which connections keep prepared: its text must always be the same, and name its columns. It is planned
 * once, for the tables as they are then, and they may grow fast. So it must find its rows by keys, or by an array of keys, that an index
 * has: sessions use the index then, whatever the size (see openDatabase).
 */
export function prepared<Result>(statement: Statement<Result>): Statement<Result> {
  return { ...statement, isPrepared: true }
}

/** Carries out one statement. */
export async function carryOut<Result>(db: Database | Tx, statement: Statement<Result>): Promise<Result> {
  const { rows } = await db.executeQuery(compile(db, statement))
  return statement.toResult(rows)
}

function compile(db: Database | Tx, { query, isPrepared }: Statement<unknown>): CompiledQuery {
  const compiled = query.compile(db)
  if (isPrepared) keepPrepared(compiled.sql)
  return compiled
}

/** Carries out statements in their order, in one round trip: as a transaction of its own, or as part of one. */
export async function sendTogether<Results extends unknown[]>(
  tx: Database | Tx,
  statements: { [Index in keyof Results]: Statement<Results[Index]> },
): Promise<Results> {
  const parts = statements.map((one: Statement<unknown>) => compile(tx, one))
  const { rows } = await tx.executeQuery(joined(parts))
  return statements.map(({ toResult }, index) => toResult(rows[index] ?? [])) as Results
}

/** A statement that goes with a later one. */
export type Later<Result> = {
  /** What came of it: to be asked for only after a later statement, or after the transaction. */
  result(): Result
}

/**
 * Sends a statement without a round trip of its own: it goes with the next statement of the transaction, at the latest with its
 * COMMIT. If it fails, that one fails in its place, and nothing is committed.
 */
export async function sendLater<Result>(tx: Tx, statement: Statement<Result>): Promise<Later<Result>> {
  const query = compile(tx, statement)
  let returned: unknown[] | null = null
  const keep = (rows: unknown[]) => {
    returned = rows
  }
  await tx.executeQuery(postponed(query, keep))
  return {
    result() {
      if (!returned) throw new Error(`not sent yet: ${query.sql}`)
      return statement.toResult(returned)
    },
  }
}
