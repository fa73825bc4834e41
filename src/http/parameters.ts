import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { LedgerError } from '../errors.ts'

/** What is wrong with one parameter or one field of a body. */
export type FieldError = { field: string; detail: string }

/** A request refused because of its parameters: which, and what each would have to be. */
export class InvalidParameters extends LedgerError {
  readonly errors: FieldError[]

  constructor(errors: FieldError[]) {
    super('invalid_request', errors.map((error) => error.detail).join(' '))
    this.name = 'InvalidParameters'
    this.errors = errors
  }
}

/** The keywords of JSON Schema that our parameters use. */
type Schema = {
  type?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  const?: string
  enum?: string[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
}

/**
 * Checks parameters and bodies against their schemas. Text of a URL is read strictly: only plain decimal digits are an
 * integer, a parameter given twice is no scalar, an unknown one is refused. Every refusal says what would be right.
 */
export const compileParameters: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const { properties = {} } = schema as Schema
  return (given: unknown) => {
    const value = httpPart === 'body' ? given : readText(properties, given as Record<string, unknown>)
    if (validator.Check(value)) return { value }
    const wrong = new Set(validator.Errors(value).map((error) => error.instancePath.split('/')[1] ?? ''))
    const errors = [...wrong].filter((name) => name !== '').map((name) => refuse(properties, name, given))
    return { error: new InvalidParameters(errors) }
  }
}

function readText(
  properties: Record<string, Schema>,
  given: Record<string, unknown>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      const schema = propertyOf(properties, name)
      return [name, schema ? read(schema, text) : text]
    }),
  )
}

/** Names come from callers: `constructor` and its like are no properties. */
function propertyOf(properties: Record<string, Schema>, name: string): Schema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}

function read(schema: Schema, text: unknown): unknown {
  if (schema.type === 'array') return [text].flat().flatMap((part) => String(part).split(','))
  const isInteger = schema.type === 'integer' || schema.anyOf?.some(({ type }) => type === 'integer')
  return isInteger && typeof text === 'string' && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text
}

function refuse(properties: Record<string, Schema>, name: string, given: unknown): FieldError {
  const schema = propertyOf(properties, name)
  if (!schema) {
    const known = Object.keys(properties)
    const instead = known.length > 0 ? `known here: ${known.join(', ')}.` : 'none is known here.'
    return { field: name, detail: `${name} is not a parameter of this call; ${instead}` }
  }
  const value = (given as Record<string, unknown>)[name]
  if (Array.isArray(value) && schema.type !== 'array') {
    return { field: name, detail: `${name} must be given once; it must be ${describe(schema)}.` }
  }
  return { field: name, detail: `${name} must be ${describe(schema)}.` }
}

function describe(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(describe).join(' or ')
  if (schema.const !== undefined) return `"${schema.const}"`
  if (schema.enum) return `one of ${schema.enum.join(', ')}`
  if (schema.type === 'array') return `a list, separated by commas, of ${describe(schema.items ?? {})}`
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  return `a text of ${schema.minLength} to ${schema.maxLength} characters, without control characters`
}
