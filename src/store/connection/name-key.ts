import { type RawBuilder, sql } from 'kysely'
import { given } from './given.ts'

/**
 * The keys of `names`, to compare `name_key(username)` with: names may be longer than what an index takes, so that indexes
 * hold the keys that the function `name_key` of the database makes of them. Two names never have the same key.
 */
export function keysOf(names: readonly string[]): RawBuilder<string> {
  return sql<string>`any(array(select name_key(name) from unnest(${given('text', names)}) as name))`
}

/** The key of one name; see {@link keysOf}. */
export function keyOf(name: string): RawBuilder<string> {
  return sql<string>`name_key(${name}::text)`
}
