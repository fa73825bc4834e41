import { describe, expect, test } from 'vitest'
import { type HoldNotice, inWords, noticeText } from '../../../src/work/front/hold-notice.ts'

const limit: HoldNotice = {
  reasons: ['limit'],
  used: 1_029_999_999_999n,
  allowance: 1_000_000_000_000n,
  endsAt: new Date('2026-11-30T20:30:00Z'),
  validUntil: null,
  timezone: 'Asia/Tehran',
}

describe('a held admin reads', () => {
  test.each<[string, Partial<HoldNotice>]>([
    ['Traffic limit reached: 1.02 TB of 1.00 TB used in this period, which ends 2026-12-01.', {}],
    [
      'Traffic limit reached: 1.02 TB of 1.00 TB used in this period, which ends 2026-11-30.',
      { timezone: null },
    ],
    ['Traffic limit reached: 1.02 TB of 1.00 TB used.', { endsAt: null }],
    ['Traffic limit reached: 1.02 TB of 0 B used.', { endsAt: null, allowance: -5n }],
    ['The operator has suspended this account.', { reasons: ['operator'] }],
    [
      'This account has expired: it was valid until 2027-01-01.',
      { reasons: ['expired'], validUntil: new Date('2026-12-31T20:30:00Z') },
    ],
    [
      'The operator has suspended this account. Traffic limit reached: 1.02 TB of 1.00 TB used.',
      { reasons: ['operator', 'limit'], endsAt: null },
    ],
  ])('%s', (text, over) => {
    expect(noticeText({ ...limit, ...over })).toBe(text)
  })
})

test.each<[bigint, string]>([
  [-1n, '0 B'],
  [0n, '0 B'],
  [999n, '999 B'],
  [1_000n, '1.00 kB'],
  [999_999n, '999.99 kB'],
  [1_000_000n, '1.00 MB'],
  [1_005_000_000n, '1.00 GB'],
  [1_099_511_627_776n, '1.09 TB'],
  [2n ** 63n - 1n, '9.22 EB'],
  [5_000n * 10n ** 18n, '5000.00 EB'],
])('%s bytes are %s', (bytes, words) => {
  expect(inWords(bytes)).toBe(words)
})
