import Type, { type TSchema } from 'typebox'
import { invalidParameters } from '../problem/field-errors.ts'
import { named } from '../schemas/building-blocks.ts'

/** Items on a page when the caller sets no limit. */
export const usualLimit = 50

/** The parameters of every list. */
export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 200,
      default: usualLimit,
      description: 'The largest number of items on a page.',
      examples: [usualLimit],
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 6_000,
      description: 'The `next_cursor` of the previous page. Keep the same order.',
    }),
  ),
}

/** One page of a list, under a name for the document. */
export function pageOf<S extends TSchema>(name: string, item: S, description: string) {
  return named(
    name,
    Type.Object(
      {
        items: Type.Array(item),
        next_cursor: Type.Unsafe<string | null>({
          type: 'string',
          nullable: true,
          description: 'The start of the next page; null: this is the last page.',
        }),
      },
      { description },
    ),
  )
}

/** Where a page ended: the order it was in, and the sort key and the id of its last item. */
export type Cursor = { sort: string; key: string; id: bigint }

/** Writes a cursor for callers. They must not read it: its form can change. */
export function writeCursor({ sort, key, id }: Cursor): string {
  return Buffer.from(JSON.stringify({ s: sort, k: key, i: String(id) })).toString('base64url')
}

/**
 * Reads a cursor that a caller sends back.
 *
 * @param sort the order of this request.
 * @param isKey whether a text can be a sort key of that order.
 * @throws `invalid_request` for anything that is no cursor of that order.
 */
export function readCursor(text: string, sort: string, isKey: (key: string) => boolean): Cursor {
  const { s, k, i } = parse(text)
  if (typeof s !== 'string' || typeof k !== 'string' || typeof i !== 'string' || !isId(i)) refuse()
  if (s !== sort) {
    refuse(`cursor belongs to a list in the order "${s}", not "${sort}"; start again without a cursor.`)
  }
  if (!isKey(k)) refuse()
  return { sort: s, key: k, id: BigInt(i) }
}

/** Whether a text is a whole number that fits into a bigint column. */
export function isId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n
}

function parse(text: string): { s?: unknown; k?: unknown; i?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function refuse(
  detail = 'cursor must be the next_cursor of the previous page, unchanged; start again without a cursor.',
): never {
  throw invalidParameters([{ field: 'cursor', detail }])
}
