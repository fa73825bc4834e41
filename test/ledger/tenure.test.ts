import { describe, expect, test } from 'vitest'
import {
  judgeGone,
  judgeUser,
  mayCountTwice,
  type News,
  newsOf,
  type SeenUser,
  type Tenure,
} from '../../src/ledger/tenure.ts'

const ada = 1n
const ben = 2n
const seenAt = Date.UTC(2026, 2, 3)
const seen = (over: Partial<SeenUser> = {}): SeenUser => ({
  username: 'u',
  createdAt: '2026-01-01 00:00:00.000001',
  adminId: ada,
  lifetime: 100n,
  at: seenAt,
  status: 'active',
  dataLimit: null,
  expire: null,
  ...over,
})
const tenure = (over: Partial<Tenure> = {}): Tenure => {
  const { lifetime, at, ...user } = seen()
  const formerCreatedAt = null
  const counter = { reading: lifetime, counted: lifetime, answered: 10n, fall: null, resetPending: false }
  return { ...user, ...counter, formerCreatedAt, endedBy: null, seenAt: at, ...over }
}
const later = { asked: 11n, answered: 12n }

describe('a user seen for the first time', () => {
  test('counts its whole lifetime for its owner', () => {
    const changes = judgeUser([], seen(), later)
    expect(changes).toEqual([{ before: null, after: tenure({ answered: 12n }) }])
  })
})

describe('a reading accepted later', () => {
  test.each([
    { reads: 130n, counted: 130n, why: 'a rise counts' },
    { reads: 100n, counted: 100n, why: 'nothing new counts nothing' },
    {
      reads: 40n,
      counted: 100n,
      fall: { from: 100n, to: 40n },
      why: 'a fall is a reset: nothing counts, the next rise counts from there',
    },
  ])('of $reads bytes: $why', ({ reads, counted, fall = null }) => {
    const before = tenure()
    expect(judgeUser([before], seen({ lifetime: reads }), later)).toEqual([
      { before, after: tenure({ reading: reads, counted, answered: 12n, fall }) },
    ])
  })

  test('brings status, limit and expiry along', () => {
    const facts = { status: 'limited', dataLimit: 5n, expire: 6n }
    expect(judgeUser([tenure()], seen(facts), later)?.[0]?.after).toMatchObject(facts)
  })
})

describe('a counter that the panel says it has set back', () => {
  const told = tenure({ resetPending: true, answered: 20n })
  const after = { asked: 21n, answered: 22n }

  test.each([
    { reads: 0n, counted: 100n, why: 'nothing has been consumed since' },
    { reads: 40n, counted: 140n, why: 'a fall proves it: all that it shows has been consumed since' },
    { reads: 99n, counted: 199n, why: 'a fall by a byte proves it as well' },
    { reads: 100n, counted: 100n, why: 'what stands where it was may never have been set back' },
    { reads: 130n, counted: 130n, why: 'of what stands higher only the rise is certain' },
  ])('and now shows $reads bytes: $why', ({ reads, counted }) => {
    expect(judgeUser([told], seen({ lifetime: reads }), after)?.[0]?.after).toEqual(
      tenure({ reading: reads, counted, answered: 22n }),
    )
  })

  test('is believed once: the fall after the next one counts nothing', () => {
    const [once] = judgeUser([told], seen({ lifetime: 40n }), after) ?? []
    const again = judgeUser(once ? [once.after] : [], seen({ lifetime: 30n }), { asked: 23n, answered: 24n })
    expect(again?.[0]?.after).toEqual(
      tenure({ reading: 30n, fall: { from: 40n, to: 30n }, counted: 140n, answered: 24n }),
    )
  })

  test('drops a reading that was asked for before the panel had spoken', () => {
    expect(judgeUser([told], seen({ lifetime: 40n }), { asked: 19n, answered: 22n })).toBeNull()
  })

  test('counts nothing when the user was with another admin meanwhile, or was gone', () => {
    const moved = judgeUser([told], seen({ adminId: ben, lifetime: 40n }), after)?.map(
      (change) => change.after,
    )
    expect(moved).toMatchObject([
      { adminId: ada, counted: 100n, resetPending: false },
      { adminId: ben, counted: 0n, reading: 40n, resetPending: false },
    ])
    const back = judgeUser(moved ?? [], seen({ lifetime: 30n }), { asked: 23n, answered: 24n })
    expect(back?.at(-1)?.after).toMatchObject({ adminId: ada, reading: 30n, counted: 100n })
    const gone = judgeGone([told], after).map((change) => change.after)
    const returned = judgeUser(gone, seen({ lifetime: 30n }), { asked: 23n, answered: 24n })
    expect(returned?.[0]?.after).toMatchObject({ reading: 30n, counted: 100n })
  })
})

describe('a reading that overlaps', () => {
  test.each([10n, 9n])('asked for at tick %s of one answered at 10 is dropped', (asked) => {
    expect(judgeUser([tenure()], seen({ lifetime: 500n }), { asked, answered: 20n })).toBeNull()
  })

  test('is dropped too when the other one was taken under another owner', () => {
    const moved = tenure({ adminId: ben })
    expect(judgeUser([moved], seen(), { asked: 9n, answered: 20n })).toBeNull()
  })
})

describe('a user seen under another owner', () => {
  test('ends the old tenure, and anchors the new one: bytes in between are charged to nobody', () => {
    const before = tenure()
    expect(judgeUser([before], seen({ adminId: ben, lifetime: 130n }), later)).toEqual([
      { before, after: { ...before, endedBy: 'transfer', answered: 12n } },
      { before: null, after: tenure({ adminId: ben, reading: 130n, counted: 0n, answered: 12n }) },
    ])
  })

  test('reopens its tenure when it comes back, anchored at the present reading', () => {
    const first = tenure({ endedBy: 'transfer' })
    const second = tenure({ adminId: ben, counted: 0n })
    expect(judgeUser([first, second], seen({ lifetime: 170n }), later)).toEqual([
      { before: second, after: { ...second, endedBy: 'transfer', answered: 12n } },
      { before: first, after: tenure({ reading: 170n, counted: 100n, answered: 12n }) },
    ])
  })

  test('needs no account to be without an owner', () => {
    expect(judgeUser([], seen({ adminId: null }), later)?.[0]?.after).toMatchObject({
      adminId: null,
      counted: 100n,
    })
  })
})

describe('another user of the same name', () => {
  const reborn = seen({ createdAt: '2026-04-04 00:00:00.000001', lifetime: 7n, at: Date.UTC(2026, 3, 5) })

  test('counts from its own beginning, and shows that the old one is gone', () => {
    const old = tenure()
    expect(judgeUser([old], reborn, later)).toEqual([
      { before: old, after: { ...old, endedBy: 'panel', answered: 12n } },
      {
        before: null,
        after: expect.objectContaining({ createdAt: reborn.createdAt, counted: 7n, endedBy: null }),
      },
    ])
  })

  test('created later has replaced the one that was stored meanwhile, from an older answer', () => {
    const old = tenure({ answered: 30n })
    const changes = judgeUser([old], reborn, { asked: 20n, answered: 31n })
    expect(changes?.map(({ after }) => after)).toMatchObject([
      { createdAt: old.createdAt, endedBy: 'panel', counted: 100n },
      { createdAt: reborn.createdAt, endedBy: null, counted: 7n },
    ])
  })

  test('that was seen after this answer was asked for has replaced it: the bytes count, the tenure is over', () => {
    const newer = tenure({ createdAt: reborn.createdAt, answered: 30n, seenAt: reborn.at })
    expect(judgeUser([newer], seen(), { asked: 20n, answered: 31n })).toEqual([
      { before: null, after: tenure({ answered: 31n, endedBy: 'panel' }) },
    ])
  })
})

describe('a user with a changed date that may be one of several', () => {
  const former = tenure({ endedBy: 'panel', answered: 5n })
  const present = tenure({ createdAt: '2026-02-01 00:00:00.000001', reading: 10n, counted: 10n })
  const moved = seen({ createdAt: '2025-12-31 23:59:00.000001', lifetime: 150n })

  test('is kept for itself: what it consumes from here on counts', () => {
    const [gone, own] = judgeUser([former, present], moved, later) ?? []
    expect(gone).toMatchObject({ before: present, after: { endedBy: 'panel', counted: 10n } })
    expect(own).toMatchObject({ before: null, after: { reading: 150n, counted: 0n, endedBy: null } })
    const known = [former, gone, own].flatMap((one) => (one ? ['after' in one ? one.after : one] : []))
    const next = judgeUser(known, { ...moved, lifetime: 170n }, { asked: 13n, answered: 14n })
    expect(next?.at(-1)?.after).toMatchObject({ reading: 170n, counted: 20n })
  })
})

describe('a user the panel does not know', () => {
  test('keeps what it counted', () => {
    const before = tenure()
    expect(judgeGone([before], later)).toEqual([
      { before, after: { ...before, endedBy: 'panel', answered: 12n } },
    ])
  })

  test('is left alone when it was seen since the panel was asked, or is over already', () => {
    expect(judgeGone([tenure(), tenure({ endedBy: 'service' })], { asked: 10n, answered: 12n })).toEqual([])
  })

  test('that reappears continues its tenure, anchored at the present reading', () => {
    const before = tenure({ endedBy: 'panel' })
    expect(judgeUser([before], seen({ lifetime: 300n }), later)).toEqual([
      { before, after: tenure({ reading: 300n, counted: 100n, answered: 12n }) },
    ])
  })
})

describe('what a reading tells of an open tenure', () => {
  const before = tenure()
  test.each([
    { what: 'a user that was never reset', lifetimeUsedTraffic: 250n, usedTraffic: 250n, may: false },
    {
      what: 'a user whose resets were before the last reading',
      lifetimeUsedTraffic: 130n,
      usedTraffic: 31n,
      may: false,
    },
    {
      what: 'a user that has consumed nothing since its reset',
      lifetimeUsedTraffic: 130n,
      usedTraffic: null,
      may: false,
    },
    {
      what: 'a user that has consumed since its reset',
      lifetimeUsedTraffic: 130n,
      usedTraffic: 30n,
      may: true,
    },
    { what: 'a user that is reset meanwhile', lifetimeUsedTraffic: 260n, usedTraffic: 130n, may: true },
  ])('$what: its bytes may be in a list twice: $may', ({ what: _, may, ...shown }) => {
    expect(mayCountTwice({ reading: 100n }, shown)).toBe(may)
  })

  test.each<{ news: News; what: string; over: Partial<Tenure> }>([
    { news: 'sight', what: 'the same again, later', over: { answered: 12n, seenAt: seenAt + 1 } },
    { news: 'counter', what: 'a higher counter', over: { reading: 130n, counted: 130n } },
    { news: 'counter', what: 'a counter that counts nothing', over: { reading: 130n } },
    { news: 'more', what: 'a counter that fell', over: { reading: 40n, fall: { from: 100n, to: 40n } } },
    { news: 'more', what: 'another status', over: { status: 'limited' } },
    { news: 'more', what: 'another status and counter', over: { status: 'limited', reading: 130n } },
    { news: 'more', what: 'another limit', over: { dataLimit: 0n } },
    { news: 'more', what: 'another expiry', over: { expire: 0n } },
    { news: 'more', what: 'an expected reset', over: { resetPending: true } },
    { news: 'more', what: 'another time of creation', over: { createdAt: '2025-01-01 00:00:00.000001' } },
    { news: 'more', what: 'an earlier time of creation', over: { formerCreatedAt: before.createdAt } },
    { news: 'more', what: 'its end', over: { endedBy: 'panel' } },
  ])('is "$news" for $what', ({ news, over }) => {
    expect(newsOf({ before, after: tenure(over) })).toBe(news)
  })

  test('is "more" when it begins or goes on', () => {
    expect(newsOf({ before: null, after: before })).toBe('more')
    expect(newsOf({ before: tenure({ endedBy: 'panel' }), after: before })).toBe('more')
  })
})
