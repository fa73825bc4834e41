import { LedgerError } from '../../errors.ts'
import { explainConnectFailure } from './failure-sentence.ts'
import { databaseUnavailable } from './unavailable.ts'

/** What kept the service from connecting to `url`. The details are for the operator only: they name the server. */
export function failureToConnect(error: unknown, url: string): LedgerError {
  const { mayPass, sentence: forOperator } = explainConnectFailure(error, url)
  if (mayPass) return databaseUnavailable(error, forOperator)
  return new LedgerError('config_invalid', 'PostgreSQL does not let the service in; its log says why.', {
    forOperator,
    cause: error,
  })
}
