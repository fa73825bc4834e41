import pg from 'pg'

/**
 * How often a piece of work waits for PostgreSQL: each query of the driver is one message and one answer.
 *
 * @param work is given how often it has waited so far.
 */
export async function roundTripsOf(work: (made: () => number) => Promise<unknown>): Promise<number> {
  const { query } = pg.Client.prototype
  let trips = 0
  pg.Client.prototype.query = function (this: pg.Client, ...values: unknown[]) {
    trips += 1
    return Reflect.apply(query, this, values)
  } as typeof query
  try {
    await work(() => trips)
  } finally {
    pg.Client.prototype.query = query
  }
  return trips
}
