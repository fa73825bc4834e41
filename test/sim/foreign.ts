import type { Reply } from './exchange.ts'

const json = 'application/json'

/** Answers that are not the panel's: whether it has acted, they do not tell. */
const replies = {
  'a captive portal': {
    status: 200,
    contentType: 'text/html',
    text: '<html>Please log in to the WiFi</html>',
  },
  'a proxy without a panel': { status: 502, contentType: 'text/html', text: '<html>502 Bad Gateway</html>' },
  'a proxy without the path': { status: 404, contentType: 'text/html', text: '<html>404 Not Found</html>' },
  "another service's 404": { status: 404, contentType: json, text: '{"detail":"Not Found"}' },
  'a firewall': { status: 403, contentType: 'text/html', text: '<html>403 Forbidden</html>' },
  'nothing, with status 200': { status: 200, contentType: json, text: '' },
  'JSON of something else': { status: 200, contentType: json, text: '{"status":"ok"}' },
} satisfies Record<string, Reply>

/** `half an answer`: the connection breaks while it arrives. */
export type ForeignAnswer = keyof typeof replies | 'half an answer'

export const foreignAnswers = [...Object.keys(replies), 'half an answer'] as ForeignAnswer[]

/** What arrives in the panel's place; null: the connection breaks. Undefined for a fault of another kind. */
export function foreignReply(fault: string): Reply | null | undefined {
  if (fault === 'half an answer') return null
  return fault in replies ? replies[fault as keyof typeof replies] : undefined
}
