import { expect, test } from 'vitest'
import { toFailingBody, toFailuresBody } from '../../../src/http/schemas/failure-schema.ts'

const at = (second: number) => new Date(`2026-11-26T08:00:0${second}Z`)
const failed = { code: 'panel_timeout', message: 'The panel did not answer.' }
const failures = [
  { ...failed, work: { kind: 'scan', about: 'ben' }, since: at(2), lastAt: at(9), times: 2 },
  { ...failed, work: { kind: 'poll' }, since: at(3), lastAt: at(8), times: 1 },
  {
    ...failed,
    work: { kind: 'scan', about: 'ana' },
    code: 'user_unreadable',
    since: at(1),
    lastAt: at(7),
    times: 5,
  },
]

test('strangers read what kind of work fails, and nothing of the admins', () => {
  const body = toFailingBody(failures)
  expect(body).toEqual([
    { work: 'scan', code: 'panel_timeout', since: at(1), last_at: at(9), times: 7n },
    { work: 'poll', code: 'panel_timeout', since: at(3), last_at: at(8), times: 1n },
  ])
})

test('callers with a login read what each failure is about', () => {
  expect(toFailuresBody(failures).map(({ work, about }) => [work, about])).toEqual([
    ['scan', 'ben'],
    ['poll', null],
    ['scan', 'ana'],
  ])
})
