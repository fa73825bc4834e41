import { type Compilable, CompiledQuery } from 'kysely'

const names = new Map<string, string>()

/** The name under which connections keep the statement `text` prepared; undefined: it is sent whole each time. */
export function preparedName(text: string): string | undefined {
  return names.get(text)
}

/**
 * Lets connections keep the statement `text` prepared from now on. It must name its columns: when a newer replica adds one, a
 * prepared statement that returns `*` fails.
 */
export function keepPrepared(text: string): void {
  if (!names.has(text)) names.set(text, `statement_${names.size + 1}`)
}

/**
 * A query made so often that building its text here and planning it in the server would cost more than running it:
 * both are done once, the latter once per connection.
 *
 * @param name unique among all prepared queries.
 * @param build builds the query with any values in the place of its parameters; called at first use.
 * @returns the query with the values of its parameters, in the order of their appearance.
 */
export function prepareQuery<Row, Context>(
  name: string,
  build: (context: Context) => Compilable<Row>,
): (context: Context, parameters: readonly unknown[]) => CompiledQuery<Row> {
  let text: string | undefined
  return (context, parameters) => {
    if (text === undefined) {
      text = build(context).compile().sql
      names.set(text, name)
    }
    return CompiledQuery.raw(text, [...parameters]) as CompiledQuery<Row>
  }
}
