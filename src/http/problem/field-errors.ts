import { type FieldError, LedgerError } from '../../errors.ts'
import { holdsKey } from '../../work/callers/key-text.ts'

/** Refuses a request because of its parameters or fields. Each detail says what is right. */
export function invalidParameters(errors: readonly FieldError[]): LedgerError {
  return new LedgerError('invalid_request', errors.map(({ detail }) => detail).join(' '), { errors })
}

/** The keywords of JSON Schema that our parameters and bodies use. */
export type Schema = {
  type?: string
  format?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  minItems?: number
  maxItems?: number
  const?: string
  enum?: string[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  /** The list that has the values. With `=` at its end, it takes the name that the caller knows. */
  'x-listed-at'?: string
}

/** What a value must be, as the end of a sentence with "must be". */
export function describe(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(describe).join(' or ')
  if (schema.const !== undefined) return `"${schema.const}"`
  if (schema.enum) return `one of ${schema.enum.join(', ')}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'null') return 'null'
  if (schema.type === 'object') return `an object with ${fieldsOf(schema)}`
  if (schema.type === 'array') return describeList(schema)
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  if (schema.format === 'date-time') return 'a time with its zone, such as 2026-11-22T10:32:39Z (RFC 3339)'
  const without = schema.pattern?.includes('001f') ? 'control characters' : 'U+0000'
  return `a text of ${schema.minLength} to ${schema.maxLength} characters, without ${without} and halves of characters`
}

/** Where to find a right value instead of `given`, as a sentence after a space; empty for a value without a list. */
export function whereListed({ 'x-listed-at': list }: Schema, given: unknown): string {
  if (list === undefined) return ''
  // Whoever sends a text, sends a name. What is no name is not repeated: it can be long, or a secret.
  const isName = typeof given === 'string' && /[^\d.+-]/.test(given) && given.length <= 64 && !holdsKey(given)
  const path = list.endsWith('=')
    ? `${list}${isName ? encodeURIComponent(given.toWellFormed()) : '{name}'}`
    : list
  return ` Find the id with GET ${path}.`
}

/** The fields of an object, as a part of a sentence after "with". */
export function fieldsOf({ properties = {}, required = [] }: Schema): string {
  const optional = Object.keys(properties).filter((name) => !required.includes(name))
  if (optional.length === 0) return required.join(' and ')
  const kinds = [
    required.length > 0 ? [`required: ${required.join(', ')}`] : [],
    `optional: ${optional.join(', ')}`,
  ]
  return `these fields (${kinds.flat().join('; ')})`
}

/** A list in a body has a length. A list in a URL is as long as its few words. */
function describeList({ minItems, maxItems, items = {} }: Schema): string {
  return maxItems === undefined
    ? `a list, separated by commas, of ${describe(items)}`
    : `a list of ${minItems ?? 0} to ${maxItems}, none twice, each ${describe(items)}`
}

/** The schema of a property. Names come from callers: `constructor` and the like are no properties. */
export function propertyOf(properties: Record<string, Schema>, name: string): Schema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}
