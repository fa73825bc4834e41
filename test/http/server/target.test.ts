import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLedgerError } from '../../../src/errors.ts'
import { parseTarget, type Target } from '../../../src/http/server/target.ts'
import { guardedCallOf } from '../../../src/panel/marzban/guarded-calls.ts'
import { findRoute } from '../../stand-in/routes.ts'
import { pathOf } from '../../stand-in/serve.ts'

const calls = [
  ['DELETE', '/api/user/alice'],
  ['DELETE', '/api/users/expired'],
  ['DELETE', '/api/admin/bob'],
  ['POST', '/api/user/alice/reset'],
  ['POST', '/api/user/alice/active-next'],
  ['POST', '/api/users/reset'],
  ['POST', '/api/admin/usage/reset/bob'],
  ['PUT', '/api/user/alice/set-owner?admin_username=bob'],
] as const
const losing = new Set(calls.map(([method, target]) => handlerOf(method, target)))

function handlerOf(method: string, target: string): unknown {
  return findRoute(method, pathOf(target)).route
}

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '.',
    '..',
    '/../',
    '%2F',
    '%5C',
    '\\',
    '%',
    ';',
    '?',
    '#',
    '%23',
    '%3F',
    '%25',
    '+',
    '%0A',
  ),
  fc.constantFrom(
    '%00',
    '%C0%AF',
    '%ff',
    '%2e',
    'http://x',
    'HTTP://x:1/',
    '/sub/..',
    '%E2%80%A8',
    '\u00e9',
    '*',
    ' ',
  ),
  fc.string({ minLength: 1, maxLength: 2 }),
)
type Change = { at: number; how: 'insert' | 'encode' | 'swap case'; piece: string }
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(60),
  how: fc.constantFrom('insert', 'encode', 'swap case'),
  piece,
})

function spelled(target: string, changes: Change[]): string {
  return changes.reduce((text, { at: anywhere, how, piece }) => {
    const at = anywhere % (text.length + 1)
    const letter = text[at] ?? ''
    if (how === 'insert') return text.slice(0, at) + piece + text.slice(at)
    const other =
      how === 'encode'
        ? encodeURIComponent(letter).replace(/^[^%]$/, (one) => `%${one.charCodeAt(0).toString(16)}`)
        : letter === letter.toLowerCase()
          ? letter.toUpperCase()
          : letter.toLowerCase()
    return text.slice(0, at) + other + text.slice(at + 1)
  }, target)
}

test('no spelling of a call that loses bytes is taken for another call', () => {
  let guarded = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...calls),
      fc.array(change, { maxLength: 4 }),
      ([method, target], changes) => {
        const raw = spelled(target, changes)
        let parsed: Target
        try {
          parsed = parseTarget(raw)
        } catch (error) {
          return isLedgerError(error, 'invalid_request')
        }
        // What is forwarded is what was decided on, and what the panel would have read from what came.
        expect(pathOf(parsed.encoded)).toBe(parsed.path)
        expect(pathOf(raw)).toBe(parsed.path)
        const isLosing = losing.has(handlerOf(method, raw))
        expect(guardedCallOf(method, parsed.path) !== null).toBe(isLosing)
        if (isLosing) guarded += 1
        return true
      },
    ),
    { numRuns: 5_000 },
  )
  expect(guarded).toBeGreaterThan(500)
})
