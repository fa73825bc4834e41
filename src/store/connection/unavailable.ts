import { LedgerError } from '../../errors.ts'

/** The database does not answer: what was to be done has not happened, and can be tried again. */
export function databaseUnavailable(cause?: unknown, forOperator?: string): LedgerError {
  return new LedgerError('database_unavailable', 'The ledger database does not answer; nothing was stored.', {
    retryAfter: 5,
    forOperator,
    cause,
  })
}
