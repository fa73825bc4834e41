import { sql } from 'kysely'
import type { Database, Tx } from './database.ts'

/** The logical clock's tick drawn before the panel is asked, and the database's time at that moment. */
export type Asked = { tick: bigint; at: Date }

/** Draws the tick `asked`, in a transaction of its own: it has to be durable before the panel is asked. */
export async function drawAsked(db: Database): Promise<Asked> {
  const { rows } = await sql<Asked>`select nextval('ledger_clock') as tick, clock_timestamp() as at`.execute(
    db,
  )
  return one(rows)
}

/** Draws the tick `answered` in the transaction that stores the panel's answer, and the database's time. */
export async function drawAnswered(tx: Tx): Promise<Asked> {
  const { rows } = await sql<Asked>`select nextval('ledger_clock') as tick, clock_timestamp() as at`.execute(
    tx,
  )
  return one(rows)
}

function one<T>(rows: T[]): T {
  const [row] = rows
  if (!row) throw new Error('nextval returned no row')
  return row
}
