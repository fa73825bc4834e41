import Type, { type Static } from 'typebox'
import { type SuspicionReason, suspicionReasons } from '../../work/collecting/collector-status.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, time } from './building-blocks.ts'

/** Bytes that were counted although they look wrong: a part of the body of `GET /sync`. */
export const suspiciousSchema = Type.Array(
  Type.Object({
    id: int64("The event's id.", 7),
    at: time('When it was counted.'),
    admin: Type.Object({
      id: int64("The account's id.", 3),
      username: Type.String({ examples: ['reseller'] }),
    }),
    username: Type.Unsafe<string | null>({
      type: 'string',
      nullable: true,
      description: "The user whose counter gained most; null: the admin's own counter.",
      examples: ['alice'],
    }),
    reason: Type.Unsafe<SuspicionReason>({
      type: 'string',
      enum: [...suspicionReasons],
      description:
        '`counter_returned`: a counter that had fallen is back where it was, all at once, as after a backup of the panel that ' +
        'was put back and taken away again. `too_fast`: a user gained more than 10 Gbit/s could carry. `never_booked`: a user ' +
        "that was never seen has more bytes than its admin's counter grew by since the last scan.",
    }),
    bytes: int64(
      'Bytes that were counted, of all counters of the admin that it was seen of at this moment.',
      5e12,
    ),
    counters: int64('How many counters those are.', 1),
    reading_before: int64('Bytes that this counter showed before; 0 for a user that was never seen.', 0),
    reading_after: int64('Bytes that it shows now.', 5e12),
  }),
  {
    description:
      'Bytes that were counted as the panel says them, although they look wrong; the latest 20, the newest first. Of one admin ' +
      'and reason, what follows within an hour is not listed again.',
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
