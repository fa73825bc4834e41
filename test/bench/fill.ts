import type { PanelClient, PanelUser } from '../../src/panel/panel.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { pageSize } from '../../src/work/observing/page-size.ts'
import { readUsers } from '../../src/work/observing/read-user-pages.ts'
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
    usedTraffic: lifetime,
    dataLimit: null,
    expire: null,
    owner: { username: admin, isSudo: false, usersUsage: null },
    toldAt: null,
  }
}

export type Range = { from: number; to: number }

/**
 * Observes the users from `from` to before `to` of one admin, as a scan does whose panel answers at once.
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
  const total = range.to - range.from
  const users: PanelClient['users'] = async ({ offset, limit }) => {
    const listed = Array.from({ length: Math.min(limit, total - offset) }, (_, place) => {
      const index = range.from + offset + place
      return userOf(admin, index, lifetimeOf(index))
    })
    return { users: listed, total, unreadable: [] }
  }
  const deps = {
    db,
    panel: { users, countUsers: async () => total },
    rest: async () => {},
    now: () => performance.now(),
    signal: new AbortController().signal,
  }
  const begunAt = performance.now()
  await readUsers(deps, { admin, ...(sights && { newsOf: sights.newsOf }) }, () => [])
  return (total * 1_000) / (performance.now() - begunAt)
}

/** Does `work` with the users of a range, page by page, and returns users a second. */
export async function rateOf({ from, to }: Range, work: (page: number[]) => Promise<void>): Promise<number> {
  const begun = performance.now()
  for (let first = from; first < to; first += pageSize) {
    await work(Array.from({ length: Math.min(pageSize, to - first) }, (_, index) => first + index))
  }
  return ((to - from) * 1_000) / (performance.now() - begun)
}
