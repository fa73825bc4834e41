/** The type checker does not know it yet: it writes a number's own digits. */
const { rawJSON } = JSON as unknown as { rawJSON(digits: string): unknown }

/** The JSON of a value, with each bigint as an integer. */
export function toExactJson(value: object): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? rawJSON(String(part)) : part,
  )
}

/** The object of a JSON text. `JSON.stringify` writes its numbers to the digit, also those that JavaScript would round. */
export function fromExactJson(text: string): Record<string, unknown> {
  const keep = (_key: string, part: unknown, { source }: { source?: string }) =>
    typeof part === 'number' && !Number.isSafeInteger(part) && source !== undefined ? rawJSON(source) : part
  return JSON.parse(text, keep as Parameters<typeof JSON.parse>[1])
}
