import { sql } from 'kysely'
import type { Database, Tx } from './database.ts'
import { carryOut, prepared, type Statement, statement } from './together.ts'

/** The logical clock's tick drawn before the panel is asked, and the database's time at that moment. */
export type Asked = { tick: bigint; at: Date }

const drawing: Statement<Asked> = prepared(
  statement(
    sql<Asked>`select nextval('ledger_clock') as tick, clock_timestamp() as at`,
    ([tick]: Asked[]) => {
      if (!tick) throw new Error('nextval returned no row')
      return tick
    },
  ),
)

/** Draws the tick `asked`, in a transaction of its own: it has to be durable before the panel is asked. */
export async function drawAsked(db: Database): Promise<Asked> {
  return carryOut(db, drawing)
}

/** Draws the tick `answered` in the transaction that stores the panel's answer, and the database's time. */
export const drawingAnswered = drawing

/** {@link drawingAnswered}, by itself. */
export async function drawAnswered(tx: Tx): Promise<Asked> {
  return carryOut(tx, drawingAnswered)
}
