import type { PanelUser } from '../../src/panel/panel.ts'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { observeUsers } from '../../src/work/observing/observe-users.ts'
import { pageSize } from '../../src/work/observing/read-user-pages.ts'

/** What the panel says of the user `index` of an admin that has consumed `lifetime` bytes. */
export function userOf(admin: string, index: number, lifetime: bigint): PanelUser {
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

/**
 * Observes the users from `from` to before `to` of one admin, in pages as a scan does.
 *
 * @returns users a second.
 */
export async function observeRange(
  db: Database,
  admin: string,
  range: { from: number; to: number },
  lifetime: bigint,
): Promise<number> {
  const begun = performance.now()
  for (let from = range.from; from < range.to; from += pageSize) {
    const asked = await drawAsked(db)
    const length = Math.min(pageSize, range.to - from)
    await observeUsers(
      db,
      asked,
      Array.from({ length }, (_, index) => userOf(admin, from + index, lifetime)),
    )
  }
  return ((range.to - range.from) * 1_000) / (performance.now() - begun)
}
