import type { FastifyReply, FastifyRequest } from 'fastify'
import { LedgerError } from '../../errors.ts'

/** The service is too busy for this request. */
export function overloaded(): LedgerError {
  return new LedgerError('overloaded', 'The service has more to do than it can; ask again later.', {
    retryAfter: 10,
  })
}

/** Refuses every request while the service is too busy. */
export async function refuseUnderPressure(): Promise<void> {
  throw overloaded()
}

/** For routes that do not need the database: they go on when only the database is slow. */
export async function refuseUnlessOnlyDatabase(
  _request: FastifyRequest,
  _reply: FastifyReply,
  reason: string,
): Promise<void> {
  if (reason !== 'healthCheck') throw overloaded()
}
