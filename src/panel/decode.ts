import type { TLocalizedValidationError } from 'typebox/error'
import { LedgerError } from '../errors.ts'
import { normaliseCreatedAt } from './created-at.ts'
import type { AdminAnswer, UserAnswer } from './schemas.ts'
import type { PanelAdmin, PanelUser } from './types.ts'

/** The part of a compiled TypeBox schema that is needed here. */
export type AnswerSchema<Valid> = {
  Check(value: unknown): value is Valid
  Errors(value: unknown): TLocalizedValidationError[]
}

/**
 * `value`, known to be what `schema` describes.
 *
 * @param what the request that was answered, for the message: `GET /api/users`.
 * @throws `panel_bad_answer` whose message and `field` name the path of the first field that is wrong. The value is
 * never repeated: it may be a secret.
 */
export function checkAnswer<Valid>(schema: AnswerSchema<Valid>, value: unknown, what: string): Valid {
  if (schema.Check(value)) return value
  const { field, problem } = describe(schema.Errors(value))
  throw new LedgerError(
    'panel_bad_answer',
    `The answer to ${what} is not what Marzban answers: ${field || 'it'} ${problem}.`,
    field === '' ? {} : { field },
  )
}

function describe(errors: TLocalizedValidationError[]): { field: string; problem: string } {
  // Of a value that may also be null, both ways to be right are reported as missed; what lies deeper says more.
  const [first, ...others] = errors
  if (first === undefined) return { field: '', problem: 'does not match its schema' }
  const depth = (error: TLocalizedValidationError) => error.instancePath.split('/').length
  const error = others.reduce((deepest, next) => (depth(next) > depth(deepest) ? next : deepest), first)
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'required') {
    return { field: fieldName([...path, error.params.requiredProperties[0] ?? '']), problem: 'is missing' }
  }
  const problem =
    error.keyword === 'enum' ? `must be one of ${error.params.allowedValues.join(', ')}` : error.message
  return { field: fieldName(path), problem }
}

function fieldName(path: string[]): string {
  return path
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}

/** An admin as the ledger uses it; a `users_usage` that is absent (Marzban before 0.8) is null. */
export function toAdmin(answer: AdminAnswer): PanelAdmin {
  return {
    username: answer.username,
    isSudo: answer.is_sudo,
    usersUsage: toBigint(answer.users_usage ?? null),
  }
}

/**
 * A user as the ledger uses it.
 *
 * @param toldAt when the panel said so, by its clock.
 */
export function toUser(answer: UserAnswer, toldAt: number | null): PanelUser {
  return {
    username: answer.username,
    createdAt: normaliseCreatedAt(answer.created_at) ?? answer.created_at,
    status: answer.status,
    lifetimeUsedTraffic: BigInt(answer.lifetime_used_traffic),
    dataLimit: toLimit(answer.data_limit),
    expire: toLimit(answer.expire),
    owner: answer.admin === null ? null : toAdmin(answer.admin),
    toldAt,
  }
}

/** Marzban takes 0 for "no limit" and "never", and its older versions also stored and answered it so. */
function toLimit(count: number | null): bigint | null {
  return count === 0 ? null : toBigint(count)
}

function toBigint(count: number | null): bigint | null {
  return count === null ? null : BigInt(count)
}
