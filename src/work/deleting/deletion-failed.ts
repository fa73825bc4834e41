import { type ErrorCode, LedgerError, type LedgerErrorOptions } from '../../errors.ts'

/** A deletion that was begun and did not come to its end: its receipt says what is preserved and what became of it. */
export class DeletionFailed extends LedgerError {
  readonly deletionId: bigint

  constructor(deletionId: bigint, code: ErrorCode, message: string, options: LedgerErrorOptions = {}) {
    super(code, message, options)
    this.name = 'DeletionFailed'
    this.deletionId = deletionId
  }
}
