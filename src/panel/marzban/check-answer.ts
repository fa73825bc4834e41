import type { TLocalizedValidationError } from 'typebox/error'
import { LedgerError } from '../../errors.ts'

/** The part of a compiled TypeBox schema that is used here. */
export type AnswerSchema<Valid> = {
  Check(value: unknown): value is Valid
  Errors(value: unknown): TLocalizedValidationError[]
}

/**
 * Checks that `value` is what `schema` describes, and returns it.
 *
 * @param what the request, for the message: `GET /api/users`.
 * @throws `panel_bad_answer` whose message and `field` name the path of the first wrong field. It never repeats the
 *   value: that may be a secret.
 */
export function checkAnswer<Valid>(schema: AnswerSchema<Valid>, value: unknown, what: string): Valid {
  if (schema.Check(value)) return value
  const { field, problem } = describe(schema.Errors(value))
  throw new LedgerError(
    'panel_bad_answer',
    `The answer to ${what} is not one of Marzban: ${field || 'it'} ${problem}.`,
    field === '' ? {} : { field },
  )
}

function describe(errors: TLocalizedValidationError[]): { field: string; problem: string } {
  // For a value that may also be null there are two errors, one for each right form; the deeper one says more.
  const [first, ...others] = errors
  if (first === undefined) return { field: '', problem: 'does not match its schema' }
  const depth = (error: TLocalizedValidationError) => error.instancePath.split('/').length
  const error = others.reduce((deepest, next) => (depth(next) > depth(deepest) ? next : deepest), first)
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'required') {
    return { field: fieldName([...path, error.params.requiredProperties[0] ?? '']), problem: 'is missing' }
  }
  return { field: fieldName(path), problem: error.message }
}

function fieldName(path: string[]): string {
  return path
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}
