import type { ColumnType } from 'kysely'

/** A column that has a default or allows null: it may be left out when a row is inserted. */
export type Optional<T> = ColumnType<T, T | undefined, T>
