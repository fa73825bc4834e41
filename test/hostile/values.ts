import fc, { type Arbitrary } from 'fast-check'
import type { JsonSchema } from './operations.ts'

/** Values that mean something to the service under test, by the kind of schema that could take them. */
export type Known = { names: readonly string[]; ids: () => readonly number[] }

/** Values that `schema` allows, those that mean something to the service among them. */
export function validValue(schema: JsonSchema, known: Known): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((option) => validValue(option, known)))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return integer(schema, known)
    case 'string':
      return text(schema, known)
    case 'array':
      return array(schema, known)
    case 'object':
      return object(schema, known)
    case undefined:
      // Anything may stand there, a name too.
      return fc.oneof(fc.constantFrom(...known.names), fc.jsonValue())
    default:
      throw new Error(`the document uses a schema that is not known here: ${JSON.stringify(schema)}`)
  }
}

function integer({ minimum = 0, maximum = 1_000_000 }: JsonSchema, known: Known): Arbitrary<number> {
  const any = fc.integer({ min: minimum, max: maximum })
  if (maximum < Number.MAX_SAFE_INTEGER) return fc.oneof(any, fc.constantFrom(minimum, maximum))
  const one = fc.nat().map((index) => known.ids()[index % known.ids().length] ?? 1)
  return fc.oneof({ weight: 6, arbitrary: one }, any, fc.constantFrom(minimum, maximum))
}

function text(schema: JsonSchema, known: Known): Arbitrary<string> {
  const { format, pattern = '^.*$', minLength = 0, maxLength = 100 } = schema
  if (format === 'date-time') return fc.date({ noInvalidDate: true, ...times }).map((at) => at.toISOString())
  const any = fc
    .stringMatching(new RegExp(pattern, 'u'))
    .filter(({ length }) => length >= minLength && length <= maxLength)
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known.names) }, any)
}

const times = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') }

function array({ items = {}, minItems = 0, maxItems = 10, uniqueItems }: JsonSchema, known: Known) {
  const lengths = { minLength: minItems, maxLength: Math.min(maxItems, 10) }
  const value = validValue(items, known)
  return uniqueItems ? fc.uniqueArray(value, lengths) : fc.array(value, lengths)
}

function object({ properties = {}, required = [] }: JsonSchema, known: Known) {
  const values = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, validValue(property, known)]),
  )
  return fc.record(values, { requiredKeys: required })
}

/** Texts that parsers, routers, databases and logs have stumbled over. */
export const hostileTexts: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '0x10',
  '1.5',
  'NaN',
  'null',
  'true',
  '00000000000000000001',
  '9007199254740993',
  '18446744073709551616',
  "' or '1'='1",
  '"; drop table admins; --',
  '%00',
  '\u0000',
  '../../etc/passwd',
  '..',
  '.',
  '__proto__',
  'constructor',
  '\ud800',
  '\ufeff',
  '‮alice',
  '{{7*7}}',
  '\r\nx-injected: 1',
  'me/../1',
  '*',
  '%',
  '_',
  '\\',
  'a'.repeat(256),
  'a'.repeat(3_000),
]

/** One of {@link hostileTexts}, or any other text. */
export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  // What a cursor looks like inside, with anything in it.
  fc
    .record({
      s: fc.constantFrom('id', '-id', 'username', '-total_traffic', 'x'),
      k: fc.jsonValue(),
      i: fc.jsonValue(),
    })
    .map((cursor) => Buffer.from(JSON.stringify(cursor)).toString('base64url')),
)

/** Values of any kind, most of which no schema here allows. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.constantFrom(null, -1, 0, 2 ** 53, 1e308, [], {}, [[]], [null], ['alice', 'alice'], true),
)
