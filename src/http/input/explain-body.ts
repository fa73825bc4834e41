import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FieldError } from '../../errors.ts'
import { describe, propertyOf, type Schema } from '../problem/field-errors.ts'

/**
 * Returns a function that says what is wrong with a body.
 *
 * @param schema an array of objects, an object, or several forms of an object, each with its own fields.
 */
export function explainBody(schema: Schema): (given: unknown) => FieldError[] {
  if (schema.type === 'array') {
    const { maxItems, items = {} } = schema
    const detail = `The body must be a JSON array of at most ${maxItems} objects, each with ${fieldsOf(items)}, a text.`
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

function explainForm(form: Schema, given: Record<string, unknown>): FieldError[] {
  const { properties = {}, required = [] } = form
  const unknown = Object.keys(given)
    .filter((name) => !propertyOf(properties, name))
    .map((name) => ({ field: name, detail: `${name} does not belong in a body with ${fieldsOf(form)}.` }))
  const wrong = Object.entries(properties).flatMap(([name, schema]) => {
    const isGiven = Object.hasOwn(given, name)
    if (isGiven ? Compile(schema as TSchema).Check(given[name]) : !required.includes(name)) return []
    return [
      { field: name, detail: `${name} ${isGiven ? '' : 'is missing; it '}must be ${describe(schema)}.` },
    ]
  })
  return [...unknown, ...wrong]
}

function fieldsOf({ properties = {}, required = [] }: Schema): string {
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? name : `optionally ${name}`))
    .join(' and ')
}
