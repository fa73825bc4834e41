import pg from 'pg'

/** A statement as it goes to the server. */
export type SentStatement = {
  text: string
  values: readonly unknown[]
  /** Under this name the connection keeps it prepared; left out: it is sent whole each time. */
  name?: string | undefined
}

/**
 * Sends statements to the server together, and waits once for all of them: one round trip. The server carries them out in
 * their order. If one fails, it skips the rest, BEGIN and COMMIT included, and the promise rejects.
 *
 * The driver's own pipeline goes on after a failure: a statement after a failed BEGIN would then be committed at once.
 */
export function exchange(
  client: pg.ClientBase,
  statements: readonly SentStatement[],
  types: pg.CustomTypesConfig,
): Promise<pg.QueryResult[]> {
  return new Promise((resolve, reject) => {
    client.query(new Exchange(statements, types, { resolve, reject }))
  })
}

type Settle = { resolve: (results: pg.QueryResult[]) => void; reject: (error: Error) => void }

/** What the driver calls when a message of the server arrives. Its types leave these out. */
type Handlers = {
  name?: string
  text: string
  callback: (error: Error | null, result?: pg.QueryResult) => void
  submit(connection: pg.Connection): Error | null
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: pg.Connection): void
  handleError(error: Error, connection: pg.Connection): void
  handleReadyForQuery(connection: pg.Connection): void
}

/** Looks to the driver like one query. Each message goes to that of its statements which it is about. */
class Exchange implements pg.Submittable {
  private readonly queries: Handlers[]
  private readonly results: pg.QueryResult[] = []
  private readonly settle: Settle
  private done = 0
  private failure: Error | null = null

  constructor(statements: readonly SentStatement[], types: pg.CustomTypesConfig, settle: Settle) {
    this.settle = settle
    this.queries = statements.map(({ text, values, name }) => {
      const config = { text, values: [...values], types, queryMode: 'extended', ...(name && { name }) }
      const query = new pg.Query(config) as unknown as Handlers
      query.callback = (error, result) => {
        if (error) this.failure ??= error
        else if (result) this.results.push(result)
      }
      return query
    })
  }

  /** The driver notes under this name that the statement whose turn it is has been prepared. */
  get name(): string | undefined {
    return this.current?.name
  }

  get text(): string | undefined {
    return this.current?.text
  }

  private get current(): Handlers | undefined {
    return this.queries[this.done]
  }

  submit(connection: pg.Connection): Error | null {
    const last = this.queries.at(-1)
    // Each query ends with the message that ends an exchange.
    const withoutEnd = Object.create(connection, { sync: { value: () => {} } }) as pg.Connection
    connection.stream.cork()
    try {
      for (const query of this.queries) {
        const error = query.submit(query === last ? connection : withoutEnd) ?? this.failure
        if (!error) continue
        // A value that cannot be sent: no part of the exchange may reach the server.
        connection.stream.destroy()
        return error
      }
      return null
    } finally {
      connection.stream.uncork()
    }
  }

  handleRowDescription(message: unknown): void {
    this.current?.handleRowDescription(message)
  }

  handleDataRow(message: unknown): void {
    this.current?.handleDataRow(message)
  }

  handleCommandComplete(message: unknown, connection: pg.Connection): void {
    this.current?.handleCommandComplete(message, connection)
    this.current?.handleReadyForQuery(connection)
    this.done += 1
  }

  handleEmptyQuery(connection: pg.Connection): void {
    this.current?.handleReadyForQuery(connection)
    this.done += 1
  }

  handleError(error: Error, connection: pg.Connection): void {
    // The server has not prepared what it skipped.
    const { submittedNamedStatements } = connection as unknown as {
      submittedNamedStatements: Record<string, string>
    }
    for (const { name } of this.queries.slice(this.done)) if (name) delete submittedNamedStatements[name]
    this.settle.reject(error)
  }

  handleReadyForQuery(): void {
    if (this.failure) this.settle.reject(this.failure)
    else this.settle.resolve(this.results)
  }
}
