import { sql } from 'kysely'
import type { Database, Tx } from './database.ts'
import { carryOut, prepared, type Statement, sendTogether, statement } from './together.ts'

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

/**
 * Draws the tick `asked`, in a transaction of its own: it has to be durable before the panel is asked.
 *
 * @param others statements that go with it, in the same transaction and the same round trip.
 */
export async function drawAsked(db: Database, others: readonly Statement<unknown>[] = []): Promise<Asked> {
  const [asked] = await sendTogether<[Asked, ...unknown[]]>(db, [drawing, ...others])
  return asked
}

/** Draws the tick `answered` in the transaction that stores the panel's answer, and the database's time. */
export const drawingAnswered = drawing

/** {@link drawingAnswered}, by itself. */
export async function drawAnswered(tx: Tx): Promise<Asked> {
  return carryOut(tx, drawingAnswered)
}
