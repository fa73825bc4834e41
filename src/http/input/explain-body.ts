import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FieldError } from '../../errors.ts'
import { describe, fieldsOf, propertyOf, type Schema, whereListed } from '../problem/field-errors.ts'

/**
 * Returns a function that says what is wrong with a body.
 *
 * @param schema an array of objects, an object, or several forms of an object, each with its own fields.
 */
export function explainBody(schema: Schema): (given: unknown) => FieldError[] {
  if (schema.type === 'array') {
    const { maxItems, items = {} } = schema
    const detail = `The body must be a JSON array of at most ${maxItems} objects, each with ${fieldsOf(items)}.`
    return () => [{ field: 'body', detail }]
  }
  const forms = schema.anyOf ?? [schema]
  const wanted = `The body must be a JSON object with ${forms.map(fieldsOf).join(', or with ')}.`
  return (given) => {
    const names = typeof given === 'object' && given !== null ? Object.keys(given) : []
    const form = forms.find(({ properties = {} }) => names.some((name) => propertyOf(properties, name)))
    if (!form) return [{ field: 'body', detail: wanted }]
    return explainForm(form, given as Record<string, unknown>)
  }
}

/** @param path the name of the object before those of its fields, with a dot; empty for the body itself. */
function explainForm(form: Schema, given: Record<string, unknown>, path = ''): FieldError[] {
  const { properties = {}, required = [] } = form
  const unknown = Object.keys(given)
    .filter((name) => !propertyOf(properties, name))
    .map((name) => {
      const detail = `${path}${name} does not belong in ${path === '' ? 'a body' : 'an object'} with ${fieldsOf(form)}.`
      return { field: `${path}${name}`, detail }
    })
  const wrong = Object.entries(properties).flatMap(([name, schema]): FieldError[] => {
    const isGiven = Object.hasOwn(given, name)
    const value = given[name]
    if (isGiven ? Compile(schema as TSchema).Check(value) : !required.includes(name)) return []
    const inner = [schema, ...(schema.anyOf ?? [])].find(({ type }) => type === 'object')
    if (inner && isObject(value)) return explainForm(inner, value, `${path}${name}.`)
    const field = `${path}${name}`
    const detail = `${field} ${isGiven ? '' : 'is missing; it '}must be ${describe(schema)}.`
    return [{ field, detail: `${detail}${isGiven ? whereListed(schema, value) : ''}` }]
  })
  return [...unknown, ...wrong]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
