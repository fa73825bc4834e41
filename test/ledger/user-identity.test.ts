import { describe, expect, test } from 'vitest'
import { canHaveSuccessor, identify, type KnownUser } from '../../src/ledger/user-identity.ts'

const hour = 3_600_000
const minute = 60_000
/** What the panel's clock says now. */
const now = Date.UTC(2026, 5, 15, 12)
const text = (ms: number, micros = '617') =>
  `${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}${micros}`
const born = now - 30 * 24 * hour + 123

const known = (over: Partial<KnownUser> = {}): KnownUser => ({
  createdAt: text(born),
  formerCreatedAt: null,
  seenAt: now - 10 * minute,
  reading: 1_000n,
  answered: 10n,
  endedBy: null,
  ...over,
})
const shown = (createdAt: string, over: { lifetime?: bigint; at?: number; asked?: bigint } = {}) => ({
  createdAt,
  lifetime: 1_000n,
  at: now,
  asked: 11n,
  ...over,
})
/** Whether it is none that came later: its whole counter does not count. */
const isNoNewOne = (users: KnownUser[], seen: ReturnType<typeof shown>) => {
  const { known, isUncertain } = identify(users, seen)
  return known !== null || isUncertain
}
const isSame = (user: KnownUser, seen: ReturnType<typeof shown>) => identify([user], seen).known !== null

describe('a user whose time of creation was changed', () => {
  test.each([
    ['three hours back, with the whole database', born - 3 * hour],
    ['three and a half hours on, with the whole database', born + 3.5 * hour],
    ['to another day, by an operator', born - 5 * 24 * hour - 1_234],
    ['to a later day, by an operator', born + 5 * 24 * hour + 1_234],
    ['into the future, by an operator', now + 24 * hour + 1_234],
  ])('%s, is the same', (_, createdAt) => {
    expect(identify([known()], shown(text(createdAt)))).toEqual({
      known: text(born),
      createdAt: text(createdAt),
      formerCreatedAt: text(born),
      isUncertain: false,
    })
  })

  test.each([-3, 3.5])('by a zone %s hours away is the same soon after its creation, too', (hours) => {
    const young = now - minute + 123
    const user = known({ createdAt: text(young), seenAt: now - minute / 2, reading: 0n })
    expect(isSame(user, shown(text(young + hours * hour)))).toBe(true)
  })

  test('by a zone, on a panel that moved to MySQL and lost the fraction, is the same', () => {
    const whole = Math.floor(born / 1_000) * 1_000
    expect(isSame(known(), shown(text(whole - 3 * hour, '000')))).toBe(true)
  })

  test('and then almost back, by a backup and one more change, is no new one with a lower counter', () => {
    const moved = known({ createdAt: text(born - 3 * hour), formerCreatedAt: text(born) })
    expect(isNoNewOne([moved], shown(text(born - 1), { lifetime: 3n }))).toBe(true)
  })

  test('is the same in an answer from before, which shows the former time and a lower counter', () => {
    const moved = known({ createdAt: text(born - 7), formerCreatedAt: text(born), answered: 10n })
    const late = shown(text(born), { lifetime: 0n, asked: 5n })
    expect(identify([moved], late)).toMatchObject({ known: text(born - 7), isUncertain: false })
  })

  test('twice, keeps the latest of its former times', () => {
    const moved = known({ createdAt: text(born - 3 * hour), formerCreatedAt: text(born) })
    const again = identify([moved], shown(text(born - 5 * hour - 1_234)))
    expect(again).toMatchObject({ known: text(born - 3 * hour), formerCreatedAt: text(born) })
  })

  test('from a zone ahead of the clock of the answers does not hide who comes later', () => {
    const seenAt = born + hour
    const moved = known({ createdAt: text(born), formerCreatedAt: text(born + 3 * hour), seenAt })
    const later = shown(text(born + 2 * hour + 1_234), { lifetime: 3n, at: born + 2.5 * hour })
    expect(isSame(moved, later)).toBe(false)
  })

  test('from a zone ahead of the clock of the answers, while an answer is on its way, is no new one', () => {
    const ahead = known({ createdAt: text(now + 3.5 * hour), seenAt: now - minute })
    expect(isNoNewOne([ahead], shown(text(now - 2 * minute), { asked: 5n }))).toBe(true)
  })

  test('and then back is the same', () => {
    const moved = known({ createdAt: text(born - hour - 7), formerCreatedAt: text(born) })
    expect(isSame(moved, shown(text(born)))).toBe(true)
    expect(isNoNewOne([moved], shown(text(born), { lifetime: 3n }))).toBe(true)
  })

  test('and that was put back from an export, is the same although it was seen to be gone', () => {
    expect(isSame(known({ endedBy: 'panel' }), shown(text(born - 777), { lifetime: 1_200n }))).toBe(true)
  })
})

describe('a date that was changed by hand, where it cannot be told of whom', () => {
  const former = known({ createdAt: text(born), endedBy: 'panel', answered: 5n })
  const present = known({ createdAt: text(born + hour), reading: 10n })
  const moved = text(born - 1_234)

  test('is of one of several that had the name: a backup can have brought back the former', () => {
    const { known, isUncertain } = identify([former, present], shown(moved))
    expect([known, isUncertain]).toEqual([null, true])
  })

  test('is of one that was perhaps never seen, where the counter fell as well', () => {
    const { known, isUncertain } = identify([present], shown(moved, { lifetime: 3n }))
    expect([known, isUncertain]).toEqual([null, true])
  })

  test('is of the present one, where its zone was changed', () => {
    const later = text(born + hour + 3.5 * hour)
    expect(identify([former, present], shown(later))).toMatchObject({ known: present.createdAt })
  })

  test('is older than any that had the name, whichever was seen last', () => {
    const kept = known({ createdAt: text(born - 2 * hour), endedBy: null, answered: 10n })
    const users = [known({ formerCreatedAt: text(born + hour), endedBy: 'panel' }), kept]
    expect(isNoNewOne(users, shown(text(born + hour - 1), { lifetime: 3n }))).toBe(true)
  })

  test('is of the former one, where the answer is from before the present one was created', () => {
    const gone = known({ createdAt: text(born), endedBy: 'panel', answered: 20n })
    const successor = known({ createdAt: text(now - minute), answered: 20n, seenAt: now })
    const late = shown(moved, { at: now - 2 * minute, asked: 15n })
    expect(identify([gone, successor], late).known).toBe(gone.createdAt)
  })
})

describe('a user that was deleted and created again', () => {
  test.each([0, 1_000n, 5_000n])(
    'whole quarters of an hour after the former, to look like it in another zone, is another one (%s bytes)',
    (bytes) => {
      const second = Math.floor((now - 14 * minute) / 1_000) * 1_000
      const user = known({ createdAt: text(second, '000'), seenAt: now - minute })
      const again = shown(text(second + 15 * minute, '000'), {
        at: now + 2 * minute,
        lifetime: BigInt(bytes),
      })
      expect(isNoNewOne([user], again)).toBe(false)
    },
  )

  test.each([
    ['right', 0],
    ['three hours behind', -3 * hour],
    ['three hours ahead', 3 * hour],
  ])('is another one where the clock of the panel is %s', (_, wrong) => {
    const user = known({ createdAt: text(born + wrong), seenAt: now + wrong - 10 * minute })
    for (const lifetime of [0n, 7n, 1_000n, 5_000n]) {
      expect(isSame(user, shown(text(now + wrong - 5_001), { at: now + wrong, lifetime }))).toBe(false)
    }
  })

  test.each([-3, 3])('is another one where answers are dated by a clock %s hours apart', (hours) => {
    const user = known({ createdAt: text(now - hour + hours * hour), seenAt: now - 10 * minute })
    expect(isSame(user, shown(text(now - 5_001 + hours * hour), { lifetime: 7n }))).toBe(false)
  })

  test('is another one with a lower counter where answers are dated by a clock hours behind, however old the former', () => {
    const ahead = text(now + 3 * hour - 5_001)
    expect(isNoNewOne([known()], shown(ahead, { lifetime: 7n }))).toBe(false)
    expect(isNoNewOne([known({ endedBy: 'service' })], shown(ahead, { lifetime: 5_000n }))).toBe(false)
  })

  test('is another one soon after its last reading when its counter is lower, and else the same', () => {
    const soonBefore = text(now - 10 * minute - 5_001)
    expect(isSame(known(), shown(soonBefore, { lifetime: 7n }))).toBe(false)
    expect(isSame(known(), shown(soonBefore, { lifetime: 1_000n }))).toBe(true)
  })

  test('is another one whatever its counter shows when the former was seen to be gone', () => {
    const soonBefore = text(now - 10 * minute - 5_001)
    expect(isSame(known({ endedBy: 'service' }), shown(soonBefore, { lifetime: 5_000n }))).toBe(false)
  })

  test('is told from its successor by an answer from before that one was created', () => {
    const successor = known({ createdAt: text(now - minute), answered: 20n, seenAt: now })
    expect(isSame(successor, shown(text(born), { at: now - 2 * minute, asked: 15n }))).toBe(false)
  })
})

describe('another user of the same second, on a panel that keeps whole seconds', () => {
  const second = Math.floor(now / 1_000) * 1_000
  const hasty = known({ createdAt: text(second, '000'), seenAt: second, endedBy: 'service' })

  test('can have come where the former was deleted through this service within a moment', () => {
    expect(canHaveSuccessor(hasty)).toBe(true)
  })

  test.each([
    ['it lived longer: a backup has brought it back', { seenAt: second + 5_000 }],
    ['nobody deleted it through this service', { endedBy: 'panel' as const }],
    ['the panel keeps microseconds', { createdAt: text(second) }],
  ])('cannot where %s', (_, over) => {
    expect(canHaveSuccessor({ ...hasty, ...over })).toBe(false)
  })
})
