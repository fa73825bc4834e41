import { CompiledQuery } from 'kysely'

/** How a query is to be sent: `together`: its parts in one round trip; `later`: with the next query of its connection. */
export type Sending =
  | { how: 'together'; parts: readonly CompiledQuery[] }
  | { how: 'later'; keep: (rows: unknown[]) => void }

/** The parameters of a query are all that reaches the connection unchanged, beside its text. */
const sendings = new WeakMap<readonly unknown[], Sending>()

/** A query that consists of these, and returns the rows of each in their order. */
export function joined(parts: readonly CompiledQuery[]): CompiledQuery<unknown[]> {
  const query = CompiledQuery.raw(parts.map(({ sql }) => sql).join(';\n'), [])
  sendings.set(query.parameters, { how: 'together', parts })
  return query as CompiledQuery<unknown[]>
}

/**
 * The same query, to be sent with the next one.
 *
 * @param keep called with its rows when they are there.
 */
export function postponed(
  { sql, parameters }: CompiledQuery,
  keep: (rows: unknown[]) => void,
): CompiledQuery {
  const query = CompiledQuery.raw(sql, [...parameters])
  sendings.set(query.parameters, { how: 'later', keep })
  return query
}

/** How the query with these parameters is to be sent; undefined: by itself. */
export function sendingOf(parameters: readonly unknown[]): Sending | undefined {
  return sendings.get(parameters)
}

/** The statements that a query consists of. */
export function partsOf(query: CompiledQuery): readonly CompiledQuery[] {
  const sending = sendingOf(query.parameters)
  return sending?.how === 'together' ? sending.parts : [query]
}
