import { LedgerError } from '../../errors.ts'
import type { CallToJudge } from '../../panel/panel-api.ts'
import type { FrontWork } from './front-request.ts'

/**
 * Refuses a call that would leave a user in the panel that it serves and can never list or change again: nobody could count or
 * hold it.
 *
 * @throws `invalid_request`.
 */
export function refuseIfBreaking({ api }: Pick<FrontWork, 'api'>, call: CallToJudge): void {
  const breaking = api.breakingFieldOf(call)
  if (breaking) throw new LedgerError('invalid_request', breaking.detail, { field: breaking.field })
}
