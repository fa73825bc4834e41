import type { FastifyReply, FastifyRequest } from 'fastify'
import { LedgerError } from '../../errors.ts'

/** The service sheds load. */
export class Overloaded extends LedgerError {
  constructor() {
    super('overloaded', 'The service has more to do than it can; ask again later.', { retryAfter: 10 })
  }
}

/** For routes that do without the database: that it is behind is no reason to refuse a request there. */
export async function refuseUnlessOnlyDatabase(
  _request: FastifyRequest,
  _reply: FastifyReply,
  reason: string,
): Promise<void> {
  if (reason !== 'healthCheck') throw new Overloaded()
}
