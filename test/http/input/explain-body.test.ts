import Type from 'typebox'
import { expect, test } from 'vitest'
import { explainBody } from '../../../src/http/input/explain-body.ts'
import type { Schema } from '../../../src/http/problem/field-errors.ts'

const word = Type.String({ minLength: 1, maxLength: 9 })
const detailsOf = (schema: object, given: unknown) =>
  explainBody(schema as Schema)(given).map(({ detail }) => detail)

test('a body with optional fields is described by both kinds of fields', () => {
  const schema = Type.Object({ a: word, b: Type.Optional(word), c: word, d: Type.Optional(word) })
  const fields = 'these fields (required: a, c; optional: b, d)'
  expect(detailsOf(schema, null)).toEqual([`The body must be a JSON object with ${fields}.`])
  expect(detailsOf(schema, { a: 'x', c: 'x', e: 1 })).toEqual([`e does not belong in a body with ${fields}.`])
})

test('a body whose fields are all required or all optional', () => {
  expect(detailsOf(Type.Object({ a: word, b: word }), [])).toEqual([
    'The body must be a JSON object with a and b.',
  ])
  const list = Type.Array(Type.Object({ a: Type.Optional(word) }), { maxItems: 5 })
  expect(detailsOf(list, {})).toEqual([
    'The body must be a JSON array of at most 5 objects, each with these fields (optional: a).',
  ])
})
