import { describe, expect, test } from 'vitest'
import { type ErrorCode, LedgerError } from '../../../src/errors.ts'
import { askWithRetries, type RetryPolicy } from '../../../src/panel/transport/retry.ts'
import type { PanelAnswer } from '../../../src/panel/transport/transport.ts'

const answer = (status: number): PanelAnswer => ({
  status,
  contentType: '',
  location: undefined,
  date: null,
  text: '',
})

/** Answers, or fails, with each of `outcomes` in turn. */
function script(outcomes: (number | ErrorCode)[], policy: Partial<RetryPolicy> = {}) {
  const left = [...outcomes]
  const pauses: number[] = []
  const reasons: string[] = []
  const ask = async () => {
    const outcome = left.shift()
    if (typeof outcome === 'number') return answer(outcome)
    throw new LedgerError(outcome ?? 'conflict', 'asked too often')
  }
  const done = askWithRetries(ask, {
    sleep: async (ms) => void pauses.push(ms),
    random: () => 1,
    ended: () => false,
    onRetry: (reason) => void reasons.push(reason),
    ...policy,
  })
  return { done, left, pauses, reasons }
}

describe('askWithRetries', () => {
  test('repeats a momentary failure, with pauses that double, and says why', async () => {
    const { done, pauses, reasons } = script(['panel_unreachable', 503, 200])
    expect((await done).status).toBe(200)
    expect(pauses).toEqual([200, 400])
    expect(reasons).toEqual(['panel_unreachable', '503'])
  })

  test('draws each pause between nothing and its bound', async () => {
    const draws = [0, 0.25]
    const { done, pauses } = script([502, 504, 502], { random: () => draws.shift() ?? 1 })
    expect((await done).status).toBe(502)
    expect(pauses).toEqual([0, 100])
  })

  test.each(['panel_timeout', 'panel_bad_answer', 'config_invalid'] satisfies ErrorCode[])(
    'does not repeat %s',
    async (code) => {
      const { done, left } = script([code, 200])
      await expect(done).rejects.toMatchObject({ code })
      expect(left).toEqual([200])
    },
  )

  test.each([200, 401, 404, 429])('returns a %i as it is', async (status) => {
    const { done, left } = script([status, 200])
    expect((await done).status).toBe(status)
    expect(left).toEqual([200])
  })

  test('repeats a 500 at once, up to three times in all', async () => {
    const { done, pauses, left } = script([500, 500, 500, 200])
    expect((await done).status).toBe(500)
    expect(pauses).toEqual([])
    expect(left).toEqual([200])
  })

  test('repeats nothing once the call has ended', async () => {
    const { done, left } = script(['panel_unreachable', 200], { ended: () => true })
    await expect(done).rejects.toMatchObject({ code: 'panel_unreachable' })
    expect(left).toEqual([200])
  })
})
