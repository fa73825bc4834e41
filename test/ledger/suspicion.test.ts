import { describe, expect, test } from 'vitest'
import { hasReturned, noteFall } from '../../src/ledger/counter.ts'
import { suspicionOfAdmin, suspicionOfUser } from '../../src/ledger/suspicion.ts'
import type { Tenure } from '../../src/ledger/tenure.ts'
import { emptyAccount } from './books.ts'

const tenure: Tenure = {
  username: 'u',
  createdAt: '2026-01-01 00:00:00.000001',
  formerCreatedAt: null,
  adminId: 1n,
  reading: 1_000n,
  counted: 1_000n,
  answered: 1n,
  status: 'active',
  dataLimit: null,
  expire: null,
  endedBy: null,
  resetPending: false,
  seenAt: 0,
  fall: null,
}
const opened = { ...emptyAccount, opened: true, scannedReading: 5_000n }
const rise = (from: Partial<Tenure>, reading: bigint, seenAt = 60_000) => {
  const before = { ...tenure, ...from }
  const after = { ...before, reading, counted: before.counted + reading - before.reading, seenAt }
  return suspicionOfUser({ before, after }, opened, null)
}

describe('a rise is suspicious', () => {
  test('that brings a counter back to where it fell from, all at once', () => {
    const fall = noteFall(null, 1_000n, 400n)
    expect(rise({ reading: 410n, fall }, 1_000n)).toMatchObject({ reason: 'counter_returned', bytes: 590n })
  })

  test.each([
    ['in small steps', 900n, 1_001n],
    ['and goes far past it', 400n, 2_000n],
    ['not quite', 400n, 999n],
  ])('not that comes there %s', (_, from, to) => {
    expect(hasReturned(noteFall(null, 1_000n, 400n), from, to)).toBe(false)
  })

  test('of more than a line of 10 Gbit/s carries since the last reading', () => {
    const carried = 1_250_000_000n * 70n
    expect(rise({}, 1_000n + carried)).toBeNull()
    expect(rise({}, 1_001n + carried)).toMatchObject({ reason: 'too_fast' })
  })
})

describe('a first sight is suspicious', () => {
  const sight = (bytes: bigint, usage: bigint | null, account = opened) =>
    suspicionOfUser({ before: null, after: { ...tenure, reading: bytes, counted: bytes } }, account, usage)

  test("of more bytes than the admin's counter grew by since the last scan", () => {
    expect(sight(1_001n, 6_000n)).toMatchObject({ reason: 'never_booked', before: 0n, after: 1_001n })
    expect(sight(1_000n, 6_000n)).toBeNull()
  })

  test('not before the first scan, nor where the panel keeps no counter, nor where it fell', () => {
    expect(sight(1_001n, 6_000n, { ...opened, opened: false })).toBeNull()
    expect(sight(1_001n, null)).toBeNull()
    expect(sight(1_001n, 4_999n)).toBeNull()
  })
})

test("an admin's own counter is watched, too", () => {
  const before = { ...emptyAccount, panelReading: 400n, panelFall: { from: 1_000n, to: 400n } }
  expect(suspicionOfAdmin(1n, before, { ...before, panelReading: 1_000n })).toMatchObject({
    reason: 'counter_returned',
    username: null,
    bytes: 600n,
  })
})
