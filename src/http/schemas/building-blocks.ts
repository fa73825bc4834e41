import Type, { type Static, type TSchema, type TUnsafe } from 'typebox'

/** Bytes, ids and counts: a JSON integer of 64 bits, written exactly from a bigint. */
export function int64(description: string, example: number): TUnsafe<bigint> {
  return Type.Unsafe<bigint>({
    type: 'integer',
    format: 'int64',
    minimum: 0,
    description,
    examples: [example],
  })
}

/** {@link int64} or null. */
export function int64OrNull(description: string, example: number): TUnsafe<bigint | null> {
  return Type.Unsafe<bigint | null>({ ...int64(description, example), nullable: true })
}

/** A text or null. */
export function textOrNull(description: string, example: string): TUnsafe<string | null> {
  return Type.Unsafe<string | null>({ type: 'string', nullable: true, description, examples: [example] })
}

/** RFC 3339, UTC. */
export function time(description: string): TUnsafe<Date> {
  return Type.Unsafe<Date>({
    type: 'string',
    format: 'date-time',
    description: `${description} RFC 3339, UTC.`,
    examples: ['2026-11-22T10:32:39.350Z'],
  })
}

/** {@link time} or null. */
export function timeOrNull(description: string): TUnsafe<Date | null> {
  return Type.Unsafe<Date | null>({ ...time(description), nullable: true })
}

/** Names `schema` for the application and the OpenAPI document. */
export function named<S extends TSchema>(name: string, schema: S): S & { $id: string } {
  return Object.assign(schema, { $id: name })
}

/** A reference to a schema that is registered under its `$id`. */
export function shared<S extends TSchema & { $id: string }>(schema: S): TUnsafe<Static<S>> {
  return Type.Unsafe<Static<S>>({ $ref: `${schema.$id}#` })
}
