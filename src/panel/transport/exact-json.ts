/** Digits enough for a number that JavaScript rounds: 2^53 has sixteen. */
const mayBeRounded = /\d{16}/

/** Longer ones no column of the ledger holds; and to read a million digits takes its time. */
const integer = /^-?\d{1,19}$/

/**
 * The value of a JSON text. Integers that a JavaScript number would round are bigints, so that nothing is lost of them.
 *
 * @throws `SyntaxError` for what is no JSON; `RangeError` for what is nested too deep.
 */
export function parseExactJson(text: string): unknown {
  // To look at every value takes several times as long as to parse, and hardly any answer needs it.
  return mayBeRounded.test(text) ? JSON.parse(text, keepExact as Reviver) : JSON.parse(text)
}

type Reviver = (key: string, value: unknown) => unknown

function keepExact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const { source } = context
  return source !== undefined && integer.test(source) ? BigInt(source) : value
}
