import type { PanelUser } from '../../src/panel/panel.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { observePage } from '../../src/work/observing/observe-page.ts'
import { pageSize } from '../../src/work/observing/read-user-pages.ts'
import { createScanSights } from '../../src/work/observing/scan-sights.ts'
import { accountOf } from '../support/ledger.ts'

/** What the panel says of the user `index` of an admin that has consumed `lifetime` bytes. */
function userOf(admin: string, index: number, lifetime: bigint): PanelUser {
  const created = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString().slice(0, 19)
  return {
    username: `${admin}_${index}`,
    createdAt: `${created.replace('T', ' ')}.000000`,
    status: 'active',
    lifetimeUsedTraffic: lifetime,
    dataLimit: null,
    expire: null,
    owner: { username: admin, isSudo: false, usersUsage: null },
    toldAt: null,
  }
}

export type Range = { from: number; to: number }

/**
 * Observes the users from `from` to before `to` of one admin, in pages as a scan does.
 *
 * @param lifetimeOf the bytes that the user of this number has consumed.
 * @param isRepeated whether a complete scan came before.
 * @returns users a second.
 */
export async function observeRange(
  db: Database,
  admin: string,
  range: Range,
  lifetimeOf: (index: number) => bigint,
  isRepeated = false,
): Promise<number> {
  const begun = await drawAsked(db)
  const sights = isRepeated
    ? createScanSights(db, { adminId: (await accountOf(db, admin)).id, username: admin }, begun)
    : null
  return rateOf(range, async (page) => {
    const asked = await drawAsked(db)
    const users = page.map((index) => userOf(admin, index, lifetimeOf(index)))
    await observePage(db, asked, sights ? await sights.newsOf(users, asked) : users)
  })
}

/** Does `work` with the users of a range, page by page, and returns users a second. */
export async function rateOf({ from, to }: Range, work: (page: number[]) => Promise<void>): Promise<number> {
  const begun = performance.now()
  for (let first = from; first < to; first += pageSize) {
    await work(Array.from({ length: Math.min(pageSize, to - first) }, (_, index) => first + index))
  }
  return ((to - from) * 1_000) / (performance.now() - begun)
}
