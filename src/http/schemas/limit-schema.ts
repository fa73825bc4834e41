import Type, { type Static } from 'typebox'
import type { LimitReport } from '../../work/limits/limits.ts'
import { int64, int64OrNull, named, shared, time, timeOrNull } from './building-blocks.ts'
import { holdProgressOrNull } from './hold-schema.ts'
import { carryOver, countFrom, onExceed, periodUnit } from './limit-choices.ts'

export const limitStates = ['ok', 'warned', 'exceeded', 'expired'] as const

/** Bytes that can be negative. */
export function signed(description: string, example: number) {
  return Type.Unsafe<bigint>({ type: 'integer', format: 'int64', description, examples: [example] })
}

/** {@link signed} or null. */
export function signedOrNull(description: string, example: number) {
  return Type.Unsafe<bigint | null>({ ...signed(description, example), nullable: true })
}

const limitStatus = Type.Object(
  {
    state: Type.Unsafe<(typeof limitStates)[number]>({
      type: 'string',
      title: 'LimitState',
      enum: limitStates,
      description:
        'The gravest of: `ok`; `warned`: a percentage of `warn_at` is used; `exceeded`: the allowance is used; `expired`: ' +
        '`valid_until` is over.',
      examples: ['warned'],
    }),
    used: int64('Bytes used in this period.', 858_993_459_200),
    allowance: signedOrNull(
      'Bytes that this period allows: `traffic_limit` + grants + what was carried over. Debts can make it negative; ' +
        'null: no limit of traffic.',
      1_099_511_627_776,
    ),
    remaining: int64OrNull('Bytes that are left; 0: none; null: no limit of traffic.', 240_518_168_576),
    overshoot: int64('Bytes used beyond the allowance; 0: none.', 0),
    used_percent: int64OrNull(
      'Used part of the allowance, in whole percent, rounded down; null: no limit of traffic.',
      78,
    ),
    pending: Type.Boolean({
      description:
        'Whether the limit waits for the first complete scan of the account. Until then nothing is judged.',
    }),
    period: Type.Object(
      {
        id: int64("The period's id.", 12),
        starts_at: time('When it began.'),
        ends_at: timeOrNull('When it ends; null: a prepaid package, it does not end by itself.'),
      },
      { description: 'The period that runs.' },
    ),
    valid_until: timeOrNull('Until when the account may be served; null: for ever.'),
    hold: holdProgressOrNull,
  },
  { title: 'LimitStatus', description: 'How an account stands against its limit. Traffic is in bytes.' },
)

/** How an account stands against its limit: `limit` of stats and lists. */
export const limitStatusSchema = named('LimitStatus', { ...limitStatus })
export type LimitStatusBody = Static<typeof limitStatusSchema>

/** {@link limitStatusSchema} or null, as a member of another body. Not a reference: the serializer would check it first. */
export const limitStatusOrNull = Type.Unsafe<LimitStatusBody | null>({
  ...limitStatus,
  nullable: true,
  description: 'How the account stands against its limit, in bytes; null: it has no limit.',
})

/** The body for `status`. */
export function toLimitStatusBody(status: LimitReport['status']): LimitStatusBody {
  return {
    state: status.state,
    used: status.used,
    allowance: status.allowance,
    remaining: status.remaining,
    overshoot: status.overshoot,
    used_percent: status.usedPercent,
    pending: status.pending,
    period: {
      id: status.period.id,
      starts_at: status.period.startsAt,
      ends_at: status.period.endsAt,
    },
    valid_until: status.validUntil,
    hold: status.hold,
  }
}

const period = Type.Object(
  {
    unit: periodUnit({
      examples: ['month'],
    }),
    anchor_day: int64OrNull(
      'The day on which periods begin: 1 (Monday) to 7 of a week, 1 to 31 of a month, or the last day of a shorter ' +
        'month; null: of no meaning for days.',
      1,
    ),
    timezone: Type.String({
      description: 'Periods begin at midnight of this time zone.',
      examples: ['Asia/Tehran'],
    }),
  },
  { title: 'PeriodRule', description: 'How periods follow each other.' },
)

/** The limit of an account: the body of `GET /admins/{id}/limit`. */
export const limitSchema = named(
  'Limit',
  Type.Object(
    {
      version: int64(
        'Changes with every change of the limit or its grants, and with each period. The ETag has it too.',
        7,
      ),
      traffic_limit: int64OrNull('Bytes for each period; null: no limit of traffic.', 1_099_511_627_776),
      count_from: countFrom({
        description:
          'What the first period counts: from when the limit was set, or all traffic of the account.',
      }),
      period: Type.Unsafe<Static<typeof period> | null>({
        ...period,
        nullable: true,
        description: 'How periods follow each other; null: a prepaid package with a single period.',
      }),
      carry_over: carryOver({
        description:
          'What goes into the next period: `none`; `debt`: what was used beyond the allowance is owed; `all`: also what was ' +
          'left.',
      }),
      valid_until: timeOrNull('Until when the account may be served; null: for ever.'),
      warn_at: Type.Array(Type.Integer({ minimum: 1, maximum: 99 }), {
        description: 'Percentages of the allowance at which the service warns.',
        examples: [[80, 95]],
      }),
      on_exceed: onExceed({
        description:
          'What happens while the allowance is used or the validity is over. `notify`: the service records it. ' +
          '`disable_users`: it also disables all users of the admin.',
      }),
      changed_at: time('When the limit was last set.'),
      changed_by: Type.String({ description: 'Who set it.', examples: ['admin:root'] }),
      status: shared(limitStatusSchema),
    },
    { description: 'The limit of an account. Traffic is in bytes.' },
  ),
)
export type LimitBody = Static<typeof limitSchema>

/** The body for `report`. */
export function toLimitBody({ limit, status }: LimitReport): LimitBody {
  const { period: rule } = limit
  return {
    version: limit.version,
    traffic_limit: limit.trafficLimit,
    count_from: limit.countFrom,
    period: rule && {
      unit: rule.unit,
      anchor_day: rule.unit === 'day' ? null : BigInt(rule.anchorDay),
      timezone: rule.timezone,
    },
    carry_over: limit.carryOver,
    valid_until: limit.validUntil,
    warn_at: limit.warnAt,
    on_exceed: limit.onExceed,
    changed_at: limit.changedAt,
    changed_by: limit.changedBy,
    status: toLimitStatusBody(status),
  }
}
