import Type, { type Static } from 'typebox'
import { type SuspicionReason, suspicionReasons } from '../../work/collecting/collector-status.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, textOrNull, time } from './building-blocks.ts'

/** Counted bytes that look wrong: a part of the body of `GET /sync`. */
export const suspiciousSchema = Type.Array(
  Type.Object({
    id: int64("The event's id.", 7),
    at: time('When the bytes were counted.'),
    admin: Type.Object({
      id: int64("The account's id.", 3),
      username: Type.String({ examples: ['reseller'] }),
    }),
    username: textOrNull("The user whose counter rose most; null: the admin's own counter.", 'alice'),
    reason: Type.Unsafe<SuspicionReason>({
      type: 'string',
      title: 'SuspicionReason',
      enum: [...suspicionReasons],
      description:
        '`counter_returned`: a counter fell and then jumped back to its old value, for example because somebody restored a ' +
        'backup of the panel and undid that again. `too_fast`: a user gained more than 10 Gbit/s can carry. `never_booked`: ' +
        "a user appeared with more bytes than its admin's counter gained since the last scan.",
    }),
    bytes: int64(
      'Bytes that were counted: the sum over all counters of the admin with this reason at this moment.',
      5e12,
    ),
    counters: int64('The number of these counters.', 1),
    reading_before: int64('The value of this counter before, in bytes; 0 for a user that appeared.', 0),
    reading_after: int64('The value of this counter now, in bytes.', 5e12),
  }),
  {
    description:
      'Bytes that look wrong. They are counted, because the panel reports them. The latest 20, the newest first; at most one ' +
      'entry an hour for each admin and reason.',
  },
)

export function toSuspiciousBody(
  events: Awaited<ReturnType<LedgerApi['sync']>>['suspicious'],
): Static<typeof suspiciousSchema> {
  return events.map((event) => ({
    id: event.id,
    at: event.at,
    admin: { id: event.adminId, username: event.admin },
    username: event.username,
    reason: event.reason,
    bytes: event.bytes,
    counters: event.counters,
    reading_before: event.readingBefore,
    reading_after: event.readingAfter,
  }))
}
