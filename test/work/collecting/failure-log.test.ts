import { expect, test } from 'vitest'
import { LedgerError } from '../../../src/errors.ts'
import { createFailureLog } from '../../../src/work/collecting/failure-log.ts'

const start = Date.parse('2026-11-26T08:00:00Z')

test('says since when and how often something fails, until it succeeds', () => {
  let now = start
  const log = createFailureLog(() => now)
  log.failed({ kind: 'poll' }, new LedgerError('panel_timeout', 'No answer.'))
  now += 15_000
  log.failed({ kind: 'poll' }, new Error('character has no equivalent in encoding "LATIN1"'))
  log.failed({ kind: 'outbox' }, new Error('refused'))
  const since = new Date(start)
  const lastAt = new Date(now)
  expect(log.list()).toEqual([
    {
      work: { kind: 'poll' },
      code: 'internal_error',
      message: 'character has no equivalent in encoding "LATIN1"',
      since,
      lastAt,
      times: 2,
    },
    { work: { kind: 'outbox' }, code: 'internal_error', message: 'refused', since: lastAt, lastAt, times: 1 },
  ])
  log.succeeded({ kind: 'poll' })
  expect(log.list().map(({ work }) => work.kind)).toEqual(['outbox'])
  log.failed({ kind: 'poll' }, new Error('again'))
  expect(log.list().find(({ work }) => work.kind === 'poll')).toMatchObject({ times: 1, since: lastAt })
})

test('forgets what goes on elsewhere', () => {
  let now = start
  const log = createFailureLog(() => now)
  log.failed({ kind: 'holds', about: '7' }, new Error('refused'))
  now += 3_600_001
  expect(log.list()).toEqual([])
})

test('forgets it also when the clock was set back meanwhile', () => {
  let now = start
  const log = createFailureLog(() => now)
  log.failed({ kind: 'holds', about: '7' }, new Error('refused'))
  now -= 30 * 86_400_000
  log.failed({ kind: 'poll' }, new Error('refused'))
  expect(log.list().map(({ work }) => work.kind)).toEqual(['poll'])
})

test('tells work about one admin from the same work about another', () => {
  const log = createFailureLog(() => start)
  log.failed({ kind: 'scan', about: 'ana' }, new Error('refused'))
  log.failed({ kind: 'scan', about: 'ben' }, new Error('refused'))
  log.succeeded({ kind: 'scan', about: 'ana' })
  expect(log.list().map(({ work }) => work)).toEqual([{ kind: 'scan', about: 'ben' }])
})
