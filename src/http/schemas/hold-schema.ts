import Type, { type Static } from 'typebox'
import type { HoldReport } from '../../work/holding/operator-hold.ts'
import { named, time } from './building-blocks.ts'

const holdReasons = ['limit', 'expired', 'operator'] as const

const reasons = Type.Array(
  Type.Unsafe<(typeof holdReasons)[number]>({
    type: 'string',
    title: 'HoldReason',
    enum: holdReasons,
    examples: ['limit'],
  }),
  {
    description:
      'Why the users of the admin are disabled: `limit`: the allowance is used; `expired`: `valid_until` is over; `operator`: ' +
      'an operator wants it. Empty: they are being enabled again.',
  },
)

const progress = Type.Object(
  {
    reasons,
    total: Type.Integer({
      minimum: 0,
      description:
        'Users that have to be disabled, those included that are; or that are still to be enabled again.',
      examples: [120],
    }),
    done: Type.Integer({
      minimum: 0,
      description: 'Users that are disabled for this hold.',
      examples: [118],
    }),
    failed: Type.Integer({
      minimum: 0,
      description: 'Users that the panel could not change. The service tries again after each poll.',
      examples: [0],
    }),
  },
  { title: 'HoldProgress', description: 'How far a hold has come.' },
)

/** How far a hold has come, or null, as a member of another body. */
export const holdProgressOrNull = Type.Unsafe<Static<typeof progress> | null>({
  ...progress,
  nullable: true,
  description: 'The hold of the admin, and how far it has come; null: its users are not held.',
})

/** The body of `/admins/{id}/hold`. */
export const holdSchema = named(
  'Hold',
  Type.Object(
    {
      ...progress.properties,
      operator: Type.Unsafe<{ reason: string; by: string; at: Date } | null>({
        ...Type.Object({
          reason: Type.String({ examples: ['unpaid invoice'] }),
          by: Type.String({ description: 'Who asked for it.', examples: ['admin:root'] }),
          at: time('When it was asked for.'),
        }),
        title: 'OperatorHold',
        nullable: true,
        description: "The operator's wish; null: there is none.",
      }),
      since: time('When the hold began, or ended if `reasons` is empty.'),
    },
    { description: 'The hold of an admin: its users are disabled.' },
  ),
)
export type HoldBody = Static<typeof holdSchema>

/** The body for `report`. */
export function toHoldBody({ figures, operator, since }: HoldReport): HoldBody {
  return { ...figures, operator, since }
}
