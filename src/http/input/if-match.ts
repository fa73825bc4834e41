import Type from 'typebox'
import { invalidParameters } from '../problem/field-errors.ts'
import { plainText } from './path-params.ts'

/** The header of a request that changes only what its caller has seen; {@link readIfMatch} reads it. */
export const ifMatchHeader = Type.Object({
  // Node.js writes header names in lower case.
  'if-match': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      ...plainText,
      description:
        'The ETag of the limit that you have read, or `*` for any. If the limit has changed since, you get 412. Left out: ' +
        'the limit changes whatever it is.',
      examples: ['"7"'],
    }),
  ),
})

/** The ETag of a version. */
export function etagOf(version: bigint): string {
  return `"${version}"`
}

/**
 * The versions that a caller wants to change; `any`: there must be one; null: the header is left out. A weak ETag names no
 * version, since nobody can compare it.
 *
 * @throws `invalid_request` for what is no list of ETags.
 */
export function readIfMatch(header: string | undefined): string[] | 'any' | null {
  if (header === undefined) return null
  if (header.trim() === '*') return 'any'
  const tags = header.split(',').map((tag) => tag.trim())
  if (!tags.every((tag) => /^(W\/)?"[^"]*"$/.test(tag))) {
    const detail =
      'if-match must be "*" or the ETag from GET /admins/{id}/limit with its quotes, such as "7".'
    throw invalidParameters([{ field: 'if-match', detail }])
  }
  return tags.filter((tag) => !tag.startsWith('W/')).map((tag) => tag.slice(1, -1))
}
