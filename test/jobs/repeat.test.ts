import { expect, test } from 'vitest'
import { repeat } from '../../src/jobs/repeat.ts'

const pauseMs = 1

test('a call that takes long is not overtaken by the next', async () => {
  const end = new AbortController()
  let running = 0
  let calls = 0
  const most: number[] = []
  await repeat(
    async () => {
      running += 1
      most.push(running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      calls += 1
      if (calls === 5) end.abort()
    },
    { pauseMs, signal: end.signal, onError: () => {} },
  )
  expect(most).toEqual([1, 1, 1, 1, 1])
})

test('a call that fails is reported, and the next one comes all the same', async () => {
  const end = new AbortController()
  const errors: string[] = []
  await repeat(
    async () => {
      throw new Error('away')
    },
    {
      pauseMs,
      signal: end.signal,
      onError: (error) => {
        errors.push(error.message)
        if (errors.length === 3) end.abort()
      },
    },
  )
  expect(errors).toEqual(['away', 'away', 'away'])
})

test('a pause ends at once when the signal is aborted', async () => {
  const end = new AbortController()
  const ended = repeat(() => Promise.reject(new Error('called')), {
    pauseMs: 3_600_000,
    signal: end.signal,
    onError: (error) => {
      throw error
    },
  })
  end.abort()
  await expect(ended).resolves.toBeUndefined()
})
