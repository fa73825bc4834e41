import { captivePortal, type Fault } from './faults.ts'

const json = { 'content-type': 'application/json' }
const html = { 'content-type': 'text/html' }

/**
 * Answers that are not the panel's, from whatever stands between it and who asks: each proves nothing. Whether the panel
 * has acted is for the test to say: `{ ...fault, acts: true }`.
 */
export const foreignAnswers: Record<string, Extract<Fault, { kind: 'answer' | 'half-body' }>> = {
  'a captive portal': captivePortal,
  "a proxy's page that finds no panel": {
    kind: 'answer',
    status: 502,
    headers: html,
    body: '<html><h1>502 Bad Gateway</h1></html>',
  },
  "a proxy's page that finds no such path": {
    kind: 'answer',
    status: 404,
    headers: html,
    body: '<html><h1>404 Not Found</h1></html>',
  },
  "another service's refusal": { kind: 'answer', status: 404, headers: json, body: '{"detail":"Not Found"}' },
  'nothing, with status 200': { kind: 'answer', status: 200, headers: {}, body: '' },
  'nothing, called JSON': { kind: 'answer', status: 200, headers: json, body: '' },
  'nothing, with status 204': { kind: 'answer', status: 204, headers: {}, body: '' },
  'JSON of something else': { kind: 'answer', status: 200, headers: json, body: '{"status":"ok"}' },
  "JSON of something else's details": {
    kind: 'answer',
    status: 200,
    headers: json,
    body: '{"detail":"Welcome to the WiFi"}',
  },
  'an empty list': { kind: 'answer', status: 200, headers: json, body: '[]' },
  'a list of something else': { kind: 'answer', status: 200, headers: json, body: '[{"id":1},null,"x"]' },
  null: { kind: 'answer', status: 200, headers: json, body: 'null' },
  'half an answer': { kind: 'half-body' },
}
