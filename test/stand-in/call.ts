import { Refusal } from './answer.ts'
import type { Traits } from './release.ts'
import type { PanelState } from './state.ts'

/** The caller: an admin of the database, or the sudo account of the panel's environment, which is in none. */
export type Who = { username: string; isSudo: boolean; inDatabase: boolean }

/** One request as a handler sees it. */
export type Call = Traits & {
  state: PanelState
  who: Who
  /** The path's variables, decoded. */
  path: Record<string, string>
  query: URLSearchParams
  body: string
}

export function requireSudo({ who }: Call): void {
  if (!who.isSudo) throw new Refusal(403, "You're not allowed")
}

/** The body as a JSON object. */
export function readJson(call: Call): Record<string, unknown> {
  try {
    const value: unknown = parse(call.body)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Answered below.
  }
  throw new Refusal(422, { '': 'JSON decode error' })
}

/** JSON whose integers are exact: those beyond 2^53 are bigints. */
function parse(text: string): unknown {
  const { parse: parseWithSource } = JSON as unknown as {
    parse(text: string, revive: (key: string, value: unknown, at: { source?: string }) => unknown): unknown
  }
  return parseWithSource(text, (_, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  )
}

/** A query parameter; of several of one name the last counts. Null: it is not given. */
export function readText({ query }: Call, name: string): string | null {
  return query.getAll(name).at(-1) ?? null
}

/** A query parameter that is an integer; undefined when it is not given. */
export function readInteger(call: Call, name: string): number | undefined {
  const text = readText(call, name)
  if (text === null) return undefined
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Refusal(422, {
      [name]: 'Input should be a valid integer, unable to parse string as an integer',
    })
  }
  return Number(text)
}
