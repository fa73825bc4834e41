/** The JSON text of a value. A bigint is written as the integer that it is. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? rawJSON(String(item)) : item,
  )
}

/** In JavaScript since 2025; the types of TypeScript 5.9 do not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }
