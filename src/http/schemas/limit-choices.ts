import Type, { type TUnsafe } from 'typebox'
import type { LimitReport } from '../../work/limits/limits.ts'

type Limit = LimitReport['limit']
/** What people read of a choice, where it is shown or made. */
type About = { description?: string; default?: string; examples?: string[] }

/** A choice that the limit of an account has: the same words where it is shown and where it is made. */
function choice<Word extends string>(title: string, words: readonly Word[]) {
  return (about: About): TUnsafe<Word> => Type.Unsafe<Word>({ type: 'string', title, enum: words, ...about })
}

export const periodUnit = choice<NonNullable<Limit['period']>['unit']>('PeriodUnit', ['day', 'week', 'month'])
export const countFrom = choice<Limit['countFrom']>('CountFrom', ['now', 'beginning'])
export const carryOver = choice<Limit['carryOver']>('CarryOver', ['none', 'debt', 'all'])
export const onExceed = choice<Limit['onExceed']>('OnExceed', ['notify', 'disable_users'])
