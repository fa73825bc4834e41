import { LedgerError } from '../../errors.ts'

/** An admin was looked for and not found, but one is listed without a name: nothing proves that it is not there. */
export function namelessAdmin(): LedgerError {
  return new LedgerError(
    'panel_bad_answer',
    'The panel lists an admin without a name: it can be the one asked for.',
  )
}
