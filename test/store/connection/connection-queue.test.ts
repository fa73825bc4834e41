import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createConnectionQueue } from '../../../src/store/connection/connection-queue.ts'

const unavailable = { status: 'rejected', reason: { code: 'database_unavailable', retryAfter: 5 } }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('who waits for a connection', () => {
  test('gets one in the order of arrival, as soon as one is free', async () => {
    const queue = createConnectionQueue(2)
    await Promise.all([queue.take(), queue.take()])
    const order: number[] = []
    for (const place of [1, 2, 3]) void queue.take().then(() => order.push(place))
    for (const served of [[], [1], [1, 2], [1, 2, 3]]) {
      await vi.advanceTimersByTimeAsync(100)
      expect(order).toEqual(served)
      queue.giveBack(true)
    }
  })

  test('waits for as long as others are served', async () => {
    const queue = createConnectionQueue(1)
    const using = Array.from({ length: 10 }, async () => {
      await queue.take()
      setTimeout(() => queue.giveBack(true), 4_000)
    })
    await vi.advanceTimersByTimeAsync(40_000)
    expect(await Promise.all(using)).toHaveLength(10)
  })

  test('gives up when none comes free: then the database does not answer', async () => {
    const queue = createConnectionQueue(1)
    await queue.take()
    const waiting = Promise.allSettled([queue.take(), queue.take()])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await waiting).toMatchObject([unavailable, unavailable])
    queue.giveBack(true)
    await queue.take()
  })

  test('has its own time, however long ago another waited', async () => {
    const queue = createConnectionQueue(1)
    await queue.take()
    const earlier = queue.take()
    queue.giveBack(true)
    await earlier
    queue.giveBack(true)
    await vi.advanceTimersByTimeAsync(4_000)
    await queue.take()
    const later = queue.take()
    await vi.advanceTimersByTimeAsync(4_000)
    queue.giveBack(true)
    await later
  })

  test('gives up when those before cannot connect', async () => {
    const queue = createConnectionQueue(1)
    const connecting = Promise.allSettled(
      Array.from({ length: 5 }, async () => {
        await queue.take()
        setTimeout(() => queue.giveBack(false), 4_000)
      }),
    )
    await vi.advanceTimersByTimeAsync(5_000)
    const connected = { status: 'fulfilled' }
    expect(await connecting).toMatchObject([connected, connected, unavailable, unavailable, unavailable])
  })

  test('shows for how long', async () => {
    const queue = createConnectionQueue(1)
    await queue.take()
    expect(queue.longestWaitMs()).toBe(0)
    const waiting = [queue.take(), queue.take()]
    await vi.advanceTimersByTimeAsync(1_000)
    expect(queue.longestWaitMs()).toBe(1_000)
    queue.giveBack(true)
    await waiting[0]
    await vi.advanceTimersByTimeAsync(500)
    expect(queue.longestWaitMs()).toBe(1_500)
    queue.giveBack(true)
    await waiting[1]
    expect(queue.longestWaitMs()).toBe(0)
  })
})
