import type pg from 'pg'
import { exchange, type SentStatement } from './exchange.ts'
import { preparedName } from './prepared-statements.ts'
import { sendingOf } from './sending.ts'

type Result = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>

type Held = SentStatement & { keep?: (rows: unknown[]) => void }

/** Sends the queries of one connection, each with as few round trips as it can. */
export type QuerySender = (text: string, parameters: readonly unknown[]) => Promise<Result>

/**
 * Holds back BEGIN and what may be sent later, and sends it in one round trip with the query that comes next. What a
 * transaction held back when it is rolled back is never sent.
 */
export function createQuerySender(client: pg.ClientBase, types: pg.CustomTypesConfig): QuerySender {
  let held: Held[] = []

  return async (text, parameters) => {
    const sending = sendingOf(parameters)
    const own = { text, values: parameters, name: preparedName(text) }
    if (sending?.how === 'later') {
      held.push({ ...own, keep: sending.keep })
      return nothing
    }
    if (text === 'begin') {
      held = [own]
      return nothing
    }
    const ahead = held
    held = []
    if (text === 'rollback') {
      return ahead[0]?.text === 'begin' ? { ...nothing, command: 'ROLLBACK' } : client.query(text)
    }
    if (ahead.length === 0 && !sending) {
      return client.query(own.name ? { ...own, values: [...parameters] } : { text, values: [...parameters] })
    }
    const parts = sending?.parts.map((part) => ({
      text: part.sql,
      values: part.parameters,
      name: preparedName(part.sql),
    })) ?? [own]
    const results = await exchange(client, [...ahead, ...parts], types)
    for (const [index, { keep }] of ahead.entries()) keep?.(results[index]?.rows ?? [])
    const answers = results.slice(ahead.length)
    if (sending) return { ...nothing, rows: answers.map(({ rows }) => rows) }
    return answers[0] ?? nothing
  }
}

const nothing: Result = { command: '', rowCount: null, rows: [] }
