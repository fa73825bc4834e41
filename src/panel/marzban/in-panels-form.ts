import type { ForwardedAnswer } from '../panel.ts'

/** An answer as Marzban writes it: JSON without spaces. */
export function inPanelsForm(status: number, body: unknown): ForwardedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }
}
