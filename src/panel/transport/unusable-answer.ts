import { LedgerError } from '../../errors.ts'

/**
 * An answer that came and is of no use as a whole: a 500, cut off, or larger than is taken. One item in it may be to
 * blame: a question for less may be answered well.
 */
export class UnusableAnswer extends LedgerError {}
