import fc, { type Arbitrary } from 'fast-check'
import type { JsonSchema } from './operations.ts'
import { type Known, validValue } from './values.ts'

/** For each place for a text in `schema`: values that `schema` allows, except that one of `spoilt` stands there. */
export function spoiltValues(
  schema: JsonSchema,
  known: Known,
  spoilt: Arbitrary<unknown>,
): Arbitrary<unknown>[] {
  if (schema.anyOf) return schema.anyOf.flatMap((option) => spoiltValues(option, known, spoilt))
  if (schema.const !== undefined) return []
  const { type, items = {}, properties = {}, required = [] } = schema
  switch (type) {
    case undefined:
    case 'string':
      return [spoilt]
    case 'array':
      return spoiltValues(items, known, spoilt).map((item) => item.map((value) => [value]))
    case 'object':
      return Object.entries(properties).flatMap(([name, property]) =>
        spoiltValues(property, known, spoilt).map((place) => {
          const others = Object.entries(properties).map(
            ([other, schema]) => [other, validValue(schema, known)] as const,
          )
          const values: Record<string, Arbitrary<unknown>> = { ...Object.fromEntries(others), [name]: place }
          return fc.record(values, { requiredKeys: [...required, name] })
        }),
      )
    default:
      return []
  }
}
