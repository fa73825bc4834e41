import type { TLocalizedValidationError } from 'typebox/error'
import { LedgerError } from '../../errors.ts'

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
  return { field: fieldName(path), problem: error.message }
}

function fieldName(path: string[]): string {
  return path
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}
