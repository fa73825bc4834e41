/** An answer of the panel before it goes over the wire. */
export type Answer = {
  status: number
  headers: Record<string, string>
  body: string
  /** Users whose links had to be built: what makes an answer costly. */
  listedUsers?: number
  /** The panel breaks the connection off after answering. */
  dropsConnection?: boolean
}

/** A refusal that a handler throws. */
export class Refusal extends Error {
  readonly answer: Answer

  constructor(status: number, detail: unknown, headers: Record<string, string> = {}) {
    super(JSON.stringify(detail))
    this.answer = json({ detail }, status, headers)
  }
}

/** What Starlette answers to an exception nobody caught. */
export const internalServerError: Answer = {
  status: 500,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: 'Internal Server Error',
  dropsConnection: true,
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: stringify(body) }
}

/** JSON with bigints written as the integers they are. */
function stringify(body: unknown): string {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
  return JSON.stringify(body, (_, value: unknown) =>
    typeof value === 'bigint' ? rawJSON(String(value)) : value,
  )
}
