import { type RawBuilder, sql } from 'kysely'
import { castOf, toBinaryArray, type Values } from './binary-array.ts'

type ColumnOf<Row, Type extends keyof Values> = readonly [
  type: Type,
  value: (row: Row, place: number) => Values[Type] | null,
]
type Column<Row> = { [Type in keyof Values]: ColumnOf<Row, Type> }[keyof Values]

/** The columns of a given table, by their names: the type of each, and its value in a row; `place`: of the row, from 0 on. */
export type Columns<Row> = Readonly<Record<string, Column<Row>>>

/**
 * An array of values that a statement is given. How many there are is hidden from the planner: it would take the number for
 * a reason to plan a prepared statement anew each time it is given few, which takes longer than to carry it out.
 */
export function given<Type extends keyof Values>(
  type: Type,
  values: readonly (Values[Type] | null)[],
): RawBuilder<(Values[Type] | null)[]> {
  return sql`(select ${toBinaryArray(type, values)}${sql.raw(castOf(type))})`
}

/** One of the values that a statement is given, to compare a column with; see {@link given}. */
export function anyGiven<Type extends keyof Values>(
  type: Type,
  values: readonly Values[Type][],
): RawBuilder<Values[Type]> {
  return sql`any(${given(type, values)}::${sql.raw(type)}[])`
}

/**
 * Declares a table that statements are given, row by row. What it returns makes the table of rows, in their order; see
 * {@link given}.
 */
export function givenTable<Row>(
  name: string,
  columns: Columns<Row>,
): (rows: readonly Row[]) => RawBuilder<unknown> {
  // An array for each column: the text is the same for any number of rows, and is built once.
  const arrays = Object.keys(columns).map((_, index) => `array_${index}`)
  const casts = Object.values(columns).map(([type], index) => `${castOf(type)} as ${arrays[index]}`)
  const text = [
    '(select given.* from (select ',
    ...casts.slice(0, -1).map((cast) => `${cast}, `),
    `${casts.at(-1)} offset 0) as arrays cross join unnest(${arrays.join()}) ` +
      `as given (${Object.keys(columns).join()})) as ${name}`,
  ]
  const template = Object.assign(text, { raw: text })
  const toArrays = Object.values(columns).map(toArray)
  return (rows) => sql(template, ...toArrays.map((array) => array(rows)))
}

function toArray<Row, Type extends keyof Values>([type, value]: ColumnOf<Row, Type>) {
  return (rows: readonly Row[]) => toBinaryArray(type, rows.map(value))
}
