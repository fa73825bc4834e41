import Type, { type Static } from 'typebox'
import type { Limits } from '../../work/limits/limits.ts'
import { int64, int64OrNull, named, textOrNull, time, timeOrNull } from './building-blocks.ts'
import { signed, signedOrNull } from './limit-schema.ts'

/** Traffic added to one period: an item of `GET /admins/{id}/grants`. */
export const grantSchema = named(
  'Grant',
  Type.Object(
    {
      id: int64("The grant's id.", 5),
      period_id: int64('The period that it belongs to.', 12),
      bytes: signed('Bytes added to the allowance of the period; negative: taken away.', 107_374_182_400),
      note: textOrNull('Anything that people should know.', 'paid in cash'),
      reference: textOrNull('The name that its caller gave it.', 'invoice-7'),
      created_at: time('When it was made.'),
      created_by: Type.String({ description: 'Who made it.', examples: ['admin:root'] }),
      revoked_at: timeOrNull('When it was taken back; null: it counts.'),
      revoked_by: textOrNull('Who took it back.', 'admin:root'),
    },
    { description: 'Traffic added to one period of a limit.' },
  ),
)
export type GrantBody = Static<typeof grantSchema>

export function toGrantBody(grant: Awaited<ReturnType<Limits['revoke']>>): GrantBody {
  return {
    id: grant.id,
    period_id: grant.periodId,
    bytes: grant.bytes,
    note: grant.note,
    reference: grant.reference,
    created_at: grant.createdAt,
    created_by: grant.createdBy,
    revoked_at: grant.revokedAt,
    revoked_by: grant.revokedBy,
  }
}

/** A period of a limit: an item of `GET /admins/{id}/periods`. */
export const periodSchema = named(
  'LimitPeriod',
  Type.Object(
    {
      id: int64("The period's id.", 12),
      starts_at: time('When it began.'),
      ends_at: timeOrNull('When it ends or ended; null: it does not end by itself.'),
      closed_at: timeOrNull('When the service closed it; null: it runs.'),
      total_at_start: int64OrNull(
        "Bytes: the account's total when it began; null: it has not begun to count.",
        1_048_576,
      ),
      total_at_end: int64OrNull("Bytes: the account's total when it ended; null: it runs.", 7_340_032),
      used: int64OrNull('Bytes used in it, exactly the difference of the two; null: it runs.', 6_291_456),
      carried: signed('Bytes carried over from the period before; negative: owed.', 0),
      granted: signed('The sum of its grants, in bytes.', 0),
      allowance: signedOrNull(
        'Bytes that it allowed; null: it runs, or had no limit of traffic.',
        10_485_760,
      ),
    },
    { description: 'A period of a limit. Traffic is in bytes.' },
  ),
)
export type PeriodBody = Static<typeof periodSchema>

export function toPeriodBody(period: Awaited<ReturnType<Limits['periods']>>['items'][number]): PeriodBody {
  const { totalAtStart, totalAtEnd } = period
  return {
    id: period.id,
    starts_at: period.startsAt,
    ends_at: period.endsAt,
    closed_at: period.closedAt,
    total_at_start: totalAtStart,
    total_at_end: totalAtEnd,
    used: totalAtStart === null || totalAtEnd === null ? null : totalAtEnd - totalAtStart,
    carried: period.carried,
    granted: period.granted,
    allowance: period.allowanceAtEnd,
  }
}
