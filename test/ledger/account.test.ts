import { describe, expect, test } from 'vitest'
import {
  type Account,
  applyEffect,
  applyPanelReading,
  type CompleteScan,
  completeScan,
  effectsOf,
  partsOf,
} from '../../src/ledger/account.ts'
import type { Tenure } from '../../src/ledger/tenure.ts'
import { emptyAccount } from './books.ts'

const counted = (bytes: bigint, appeared = 0n) => ({
  counted: bytes,
  appeared,
  appearances: 0,
  preserved: 0n,
  users: new Map<string, number>(),
})
const scanned = (account: Account, over: Partial<CompleteScan> = {}) =>
  completeScan(account, { begun: 1n, ended: 2n, seenAt: null, panelBefore: account, at: 0, ...over })
const reading = (account: Account, value: bigint, tick: bigint, lagHasPassed = false) =>
  applyPanelReading(account, value, { asked: tick, answered: tick + 1n }, lagHasPassed)

describe('the total', () => {
  test('is at least what either witness proves', () => {
    const users = applyEffect(emptyAccount, counted(100n))
    expect(users.total).toBe(100n)
    expect(reading(users, 70n, 1n)?.total).toBe(100n)
    expect(reading(users, 130n, 1n)?.total).toBe(130n)
  })

  test('consists of current, preserved and unattributed bytes exactly', () => {
    const account = reading(applyEffect(emptyAccount, { ...counted(100n), preserved: 30n }), 130n, 1n)
    expect(account && partsOf(account)).toEqual({ current: 70n, preserved: 30n, unattributed: 30n })
  })
})

describe("the admin's counter", () => {
  test('counts its whole first reading, then what it rises, and nothing when it falls', () => {
    const first = reading(emptyAccount, 50n, 1n)
    const second = first && reading(first, 80n, 3n)
    const reset = second && reading(second, 5n, 5n)
    const after = reset && reading(reset, 25n, 7n)
    expect([first, second, reset, after].map((account) => account?.panelCounted)).toEqual([
      50n,
      80n,
      80n,
      100n,
    ])
  })

  test('drops a reading that overlaps the last one', () => {
    const first = reading(emptyAccount, 50n, 1n)
    expect(first && reading(first, 60n, 2n)).toBeNull()
  })
})

describe('the offset', () => {
  const waiting = scanned(applyEffect(emptyAccount, counted(1_000n)), { at: 100_000 })

  test('is not taken before the panel must have booked what the scan saw', () => {
    expect(reading(waiting, 200n, 1n, false)).toMatchObject({
      panelOffset: 0n,
      snapshot: waiting.snapshot,
    })
  })

  test('is what the users prove beyond the counter, and lets both grow on from there', () => {
    const compared = reading(waiting, 200n, 1n, true)
    expect(compared).toMatchObject({ panelOffset: 800n, snapshot: null, total: 1_000n })
    expect(compared && reading(compared, 260n, 3n)?.total).toBe(1_060n)
  })

  test('never falls', () => {
    const compared = reading({ ...waiting, panelOffset: 900n, total: 1_000n }, 200n, 1n, true)
    expect(compared?.panelOffset).toBe(900n)
  })

  test('is compared with the scan that waits, however many scans follow', () => {
    expect(scanned(applyEffect(waiting, counted(5n)), { at: 120_000 }).snapshot).toEqual(waiting.snapshot)
  })
})

describe('what only the counter of the admin has seen', () => {
  const both = (users: bigint, panel: bigint) => {
    const account = reading(applyEffect(emptyAccount, counted(users)), panel, 1n)
    if (!account) throw new Error('the reading was dropped')
    return account
  }

  test('is added to what the users show from then on', () => {
    // A user was deleted unread: 40 of the 140 bytes stand in no counter any more.
    const account = scanned(both(100n, 140n))
    expect(account.usersOffset).toBe(40n)
    // The counter of the admin is set back unread: what users show now, it never shows.
    expect(applyEffect(account, counted(30n)).total).toBe(170n)
  })

  test('is what was counted before the scan began, not what came while it went on', () => {
    const before = both(100n, 140n)
    const meanwhile = reading(before, 200n, 3n)
    expect(meanwhile && scanned(meanwhile, { panelBefore: before }).usersOffset).toBe(40n)
  })

  test('gives up what users bring along that appear: they may be those', () => {
    const account = scanned(both(100n, 140n))
    const back = applyEffect(account, counted(35n, 35n))
    expect(back).toMatchObject({ usersCounted: 135n, usersOffset: 5n, total: 140n })
    expect(applyEffect(back, counted(60n, 60n))).toMatchObject({ usersOffset: 0n, total: 195n })
  })

  test('sharpens what the users prove beyond the counter, and the other way round', () => {
    // 40 bytes only the counter saw; 100 of the past only the users.
    const first = scanned({ ...both(200n, 140n), usersOffset: 40n, total: 240n }, { at: 0 })
    const compared = reading(first, 140n, 3n, true)
    expect(compared).toMatchObject({ panelOffset: 100n, total: 240n })
    expect(compared && scanned(compared).usersOffset).toBe(40n)
  })
})

describe('the opening balance', () => {
  test('takes growth up to the first complete scan, and none after it', () => {
    const opened = scanned(applyEffect(emptyAccount, counted(100n)))
    expect(opened.openingBalance).toBe(100n)
    expect(applyEffect(opened, counted(11n))).toMatchObject({ total: 111n, openingBalance: 100n })
  })
})

describe('what changed tenures do', () => {
  const tenure: Tenure = {
    username: 'u',
    createdAt: '2026-01-01 00:00:00.000001',
    adminId: 1n,
    reading: 10n,
    counted: 10n,
    answered: 1n,
    status: 'active',
    dataLimit: null,
    expire: null,
    endedBy: null,
    resetPending: false,
    formerCreatedAt: null,
    seenAt: 0,
    fall: null,
  }

  test('moves counted bytes from current to preserved at the end, and users to deleted', () => {
    const effects = effectsOf([{ before: tenure, after: { ...tenure, endedBy: 'panel' } }])
    expect(effects.get(1n)).toEqual({
      counted: 0n,
      appeared: 0n,
      appearances: 0,
      preserved: 10n,
      users: new Map([
        ['active', -1],
        ['deleted', 1],
      ]),
    })
  })

  test('takes a user that moved out of the one account and puts it into the other', () => {
    const effects = effectsOf([
      { before: tenure, after: { ...tenure, endedBy: 'transfer' } },
      { before: null, after: { ...tenure, adminId: 2n, counted: 0n } },
    ])
    expect(effects.get(1n)).toEqual({
      counted: 0n,
      appeared: 0n,
      appearances: 0,
      preserved: 10n,
      users: new Map([['active', -1]]),
    })
    expect(effects.get(2n)).toEqual({
      counted: 0n,
      appeared: 0n,
      appearances: 1,
      preserved: 0n,
      users: new Map([['active', 1]]),
    })
  })

  test('leaves accounts alone for users without an owner', () => {
    expect(effectsOf([{ before: null, after: { ...tenure, adminId: null } }]).size).toBe(0)
  })
})
