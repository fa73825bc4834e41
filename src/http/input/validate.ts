import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FieldError } from '../../errors.ts'
import { describe, invalidParameters, propertyOf, type Schema, whereListed } from '../problem/field-errors.ts'
import { explainBody } from './explain-body.ts'

/**
 * Checks parameters and bodies against their schemas. It is strict about URLs: an integer has only decimal digits, a
 * parameter that is given twice is a list, and an unknown parameter is an error. Every refusal says what is right.
 */
export const compileParameters: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  if (httpPart === 'body') {
    const explain = explainBody(schema as Schema)
    return (given: unknown) =>
      validator.Check(given) ? { value: given } : { error: invalidParameters(explain(given)) }
  }
  const { properties = {} } = schema as Schema
  return (given: unknown) => {
    const value = readText(properties, given as Record<string, unknown>)
    if (validator.Check(value)) return { value }
    const wrong = new Set(validator.Errors(value).map((error) => error.instancePath.split('/')[1] ?? ''))
    const errors = [...wrong].filter((name) => name !== '').map((name) => refuse(properties, name, given))
    return { error: invalidParameters(errors) }
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

function read(schema: Schema, text: unknown): unknown {
  if (schema.type === 'array') return [text].flat().flatMap((part) => String(part).split(','))
  if (schema.type === 'boolean') return text === 'true' || (text === 'false' ? false : text)
  const isInteger = schema.type === 'integer' || schema.anyOf?.some(({ type }) => type === 'integer')
  return isInteger && typeof text === 'string' && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text
}

function refuse(properties: Record<string, Schema>, name: string, given: unknown): FieldError {
  const schema = propertyOf(properties, name)
  if (!schema) {
    const known = Object.keys(properties)
    const others = known.length > 0 ? `known here: ${known.join(', ')}.` : 'it has none.'
    return { field: name, detail: `${name} is not a parameter of this call; ${others}` }
  }
  const value = (given as Record<string, unknown>)[name]
  if (Array.isArray(value) && schema.type !== 'array') {
    return { field: name, detail: `${name} must be given once; it must be ${describe(schema)}.` }
  }
  const hint = whereListed(schema, value) || plusHint(schema, value)
  return { field: name, detail: `${name} must be ${describe(schema)}.${hint}` }
}

/** A "+" in a query is a space. */
function plusHint({ format }: Schema, value: unknown): string {
  const hasLostPlus = format === 'date-time' && typeof value === 'string' && / \d\d:\d\d$/.test(value)
  return hasLostPlus ? ' In a URL, write its "+" as %2B.' : ''
}
