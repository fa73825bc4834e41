import { Refusal } from './answer.ts'
import type { NextPlan } from './records.ts'
import type { UserChange } from './statuses.ts'

type Body = Record<string, unknown>
type Whole = bigint | number | null

const modes = {
  create: { statuses: ['active', 'on_hold'], listed: "'active' or 'on_hold'" },
  change: { statuses: ['active', 'disabled', 'on_hold'], listed: "'active', 'disabled' or 'on_hold'" },
}

/**
 * The fields of a user that a POST or PUT gives.
 *
 * @throws Refusal 422, as the panel refuses a status and a limit.
 */
export function readUserForm(body: Body, mode: keyof typeof modes): UserChange {
  const { statuses, listed } = modes[mode]
  const detail: Record<string, string> = {}
  if (typeof body.data_limit === 'number' && body.data_limit < 0) {
    detail.data_limit = 'Input should be greater than or equal to 0'
  }
  // A status is looked at only where it is given; null is given.
  if ('status' in body) {
    if (body.status === 'on_hold') {
      if (!body.on_hold_expire_duration) {
        detail.status = 'Value error, User cannot be on hold without a valid on_hold_expire_duration.'
      } else if (body.expire) {
        detail.status = 'Value error, User cannot be on hold with specified expire.'
      }
    } else if (!statuses.includes(body.status as string)) {
      detail.status = `Input should be ${listed}`
    }
  }
  if (Object.keys(detail).length > 0) throw new Refusal(422, detail)
  return {
    status: (body.status as string | undefined) ?? null,
    dataLimit: body.data_limit as Whole,
    expire: body.expire as Whole,
    note: body.note as string | null,
    resetStrategy: body.data_limit_reset_strategy as string | null,
    onHoldExpireDuration: (body.on_hold_expire_duration as Whole) || null,
    onHoldTimeout: (body.on_hold_timeout as string | null) || null,
    nextPlan: readPlan(body.next_plan),
  }
}

function readPlan(plan: unknown): NextPlan | null {
  if (!plan) return null
  return {
    expire: null,
    add_remaining_traffic: false,
    fire_on_either: true,
    ...(plan as Partial<NextPlan> & Pick<NextPlan, 'data_limit'>),
  }
}

/** A plan without a limit: its row is refused by the panel's database. */
export function hasBrokenPlan({ nextPlan }: UserChange): boolean {
  return (
    nextPlan !== null &&
    nextPlan !== undefined &&
    typeof nextPlan.data_limit !== 'number' &&
    typeof nextPlan.data_limit !== 'bigint'
  )
}
