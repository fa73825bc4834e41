import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createTurns } from '../../../src/panel/transport/turns.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('who waits gets the turns of clients that became slow after it had begun to wait', async () => {
  const turns = createTurns({ atOnce: 2, waitMs: 10_000, now: Date.now })
  const cut: string[] = []
  const slow = [await turns.take(), await turns.take()]
  const waiting = Promise.all([turns.take(), turns.take()])
  waiting.catch(() => {})
  await vi.advanceTimersByTimeAsync(100)
  slow[0]?.mayBeCut(() => {
    cut.push('first')
    slow[0]?.end()
  })
  await vi.advanceTimersByTimeAsync(100)
  slow[1]?.mayBeCut(() => {
    cut.push('second')
    slow[1]?.end()
  })
  await vi.advanceTimersByTimeAsync(4_899)
  expect(cut).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(cut).toEqual(['first'])
  await vi.advanceTimersByTimeAsync(100)
  expect(cut).toEqual(['first', 'second'])
  expect(await waiting).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
})
