/** JavaScript rounds no number of fewer digits: 2^53 has sixteen. */
const mayBeRounded = /\d{16}/

/** No column of the ledger holds a longer one, and to read a million digits takes long. */
const integer = /^-?\d{1,19}$/

/**
 * The value of a JSON text. An integer that a JavaScript number would round becomes a bigint, so that no digit is lost.
 *
 * @throws `SyntaxError` for a text that is not JSON; `RangeError` when it is nested too deep.
 */
export function parseExactJson(text: string): unknown {
  // A look at every value takes several times as long as parsing, and few answers need it.
  return mayBeRounded.test(text) ? JSON.parse(text, keepExact as Reviver) : JSON.parse(text)
}

type Reviver = (key: string, value: unknown) => unknown

function keepExact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const { source } = context
  return source !== undefined && integer.test(source) ? BigInt(source) : value
}

/** The JSON text of a value. A bigint is written as the integer that it is. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? rawJson(String(item)) : item,
  )
}

/** In JavaScript since 2025; the types of TypeScript 5.9 do not have it yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }
