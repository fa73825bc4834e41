import { describe, expect, it } from 'vitest'
import {
  type Account,
  applyEffect,
  applyPanelReading,
  completeScan,
  effectsOf,
  partsOf,
} from '../../src/ledger/account.ts'
import type { Tenure } from '../../src/ledger/tenure.ts'
import { emptyAccount } from './books.ts'

const counted = (bytes: bigint) => ({ counted: bytes, preserved: 0n, users: new Map<string, number>() })
const reading = (account: Account, value: bigint, tick: bigint, lagHasPassed = false) =>
  applyPanelReading(account, value, { asked: tick, answered: tick + 1n }, lagHasPassed)

describe('the total', () => {
  it('is the better witness', () => {
    const users = applyEffect(emptyAccount, counted(100n))
    expect(users.total).toBe(100n)
    expect(reading(users, 70n, 1n)?.total).toBe(100n)
    expect(reading(users, 130n, 1n)?.total).toBe(130n)
  })

  it('consists of current, preserved and unattributed bytes exactly', () => {
    const account = reading(applyEffect(emptyAccount, { ...counted(100n), preserved: 30n }), 130n, 1n)
    expect(account && partsOf(account)).toEqual({ current: 70n, preserved: 30n, unattributed: 30n })
  })
})

describe("the admin's counter", () => {
  it('counts its whole first reading, then what it rises, and nothing when it falls', () => {
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

  it('drops a reading that overlaps the last one', () => {
    const first = reading(emptyAccount, 50n, 1n)
    expect(first && reading(first, 60n, 2n)).toBeNull()
  })
})

describe('the offset', () => {
  const scanned = completeScan(applyEffect(emptyAccount, counted(1_000n)), 100_000, true)

  it('is not taken before the panel must have booked what the scan saw', () => {
    expect(reading(scanned, 200n, 1n, false)).toMatchObject({
      panelOffset: 0n,
      snapshot: scanned.snapshot,
    })
  })

  it('is what the users prove beyond the counter, and lets both grow on from there', () => {
    const compared = reading(scanned, 200n, 1n, true)
    expect(compared).toMatchObject({ panelOffset: 800n, snapshot: null, total: 1_000n })
    expect(compared && reading(compared, 260n, 3n)?.total).toBe(1_060n)
  })

  it('never falls', () => {
    const compared = reading({ ...scanned, panelOffset: 900n, total: 1_000n }, 200n, 1n, true)
    expect(compared?.panelOffset).toBe(900n)
  })

  it('is compared with the scan that waits, however many scans follow', () => {
    expect(completeScan(applyEffect(scanned, counted(5n)), 120_000, true).snapshot).toEqual(scanned.snapshot)
  })
})

describe('the opening balance', () => {
  it('takes growth up to the first complete scan, and none after it', () => {
    const opened = completeScan(applyEffect(emptyAccount, counted(100n)), 0, true)
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
  }

  it('moves counted bytes from current to preserved at the end, and users to deleted', () => {
    const effects = effectsOf([{ before: tenure, after: { ...tenure, endedBy: 'panel' } }])
    expect(effects.get(1n)).toEqual({
      counted: 0n,
      preserved: 10n,
      users: new Map([
        ['active', -1],
        ['deleted', 1],
      ]),
    })
  })

  it('takes a user that moved out of the one account and puts it into the other', () => {
    const effects = effectsOf([
      { before: tenure, after: { ...tenure, endedBy: 'transfer' } },
      { before: null, after: { ...tenure, adminId: 2n, counted: 0n } },
    ])
    expect(effects.get(1n)).toEqual({ counted: 0n, preserved: 10n, users: new Map([['active', -1]]) })
    expect(effects.get(2n)).toEqual({ counted: 0n, preserved: 0n, users: new Map([['active', 1]]) })
  })

  it('leaves accounts alone for users without an owner', () => {
    expect(effectsOf([{ before: null, after: { ...tenure, adminId: null } }]).size).toBe(0)
  })
})
