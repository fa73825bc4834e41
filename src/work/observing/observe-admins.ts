import { applyPanelReading, fitsAccount } from '../../ledger/account.ts'
import { isLater } from '../../ledger/counter.ts'
import { type Suspicion, suspicionOfAdmin } from '../../ledger/suspicion.ts'
import type { PanelAdmin, PanelClient, UnreadableItem } from '../../panel/panel.ts'
import {
  type AccountChange,
  lockingAccountsOf,
  lockOpened,
  type StoredAccount,
} from '../../store/accounts/accounts.ts'
import { findingOpenAccounts, markPresent, openMissingAccounts } from '../../store/accounts/admins.ts'
import type { UnreadableEntry } from '../../store/collecting/unreadable-items.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAnswered, drawAsked } from '../../store/connection/logical-clock.ts'
import { sendTogether } from '../../store/connection/together.ts'
import { transact } from '../../store/connection/transact.ts'
import { changeAccounts } from './change-accounts.ts'
import type { PanelLag } from './panel-lag.ts'
import { retryOverlapped } from './retry-overlapped.ts'
import { countsByAdmin, type OddCounter, storePoll } from './store-poll.ts'

export type ObservingDeps = {
  db: Database
  panel: PanelClient
  panelLag: PanelLag
  /** Called once for each admin that cannot be read. */
  onUnreadable?: (entry: UnreadableEntry) => void
}

/**
 * Polls the panel: one request reads the counters of all admins, opens accounts for new ones and notes which have
 * disappeared. An admin that cannot be read spoils only itself; one whose counter alone is odd is there all the same. One
 * without a name can be each that is not listed: nobody has disappeared then, and none of these has been read.
 */
export async function pollAdmins(deps: ObservingDeps, asked: Asked): Promise<void> {
  const { db, panel, panelLag } = deps
  const lagHasPassed = panelLag.ask(asked)
  const { admins, unreadable } = await panel.adminList()
  const { found } = await storeAdmins(db, asked, admins, { lagHasPassed, unreadable })
  for (const entry of found) deps.onUnreadable?.(entry)
}

/**
 * Reads one admin's counter from the panel now. An admin the panel no longer lists keeps what it has.
 *
 * @param ticks `asked`: drawn before; left out, it is drawn here. `since`: another reading that was asked for after it
 *   serves as well; left out, none does.
 * @returns the admin as the panel names it, with `oddUsage` where its counter cannot be used; null: the panel does not list
 *   it. `dropped`: the reading overlapped another.
 */
export async function readAdmin(
  { db, panel, panelLag }: ObservingDeps,
  { username }: { username: string },
  ticks: { asked?: Asked; since?: Asked | undefined } = {},
): Promise<{ admin: PanelAdmin | null; dropped: boolean }> {
  const asked = ticks.asked ?? (await drawAsked(db))
  const lagHasPassed = panelLag.ask(asked)
  const { meant: admin } = await panel.adminNamed(username)
  const stored = await storeAdmins(db, asked, admin ? [admin] : [], { lagHasPassed })
  const [[other], [spoilt]] = [stored.dropped, stored.odd]
  if (admin && spoilt) return { admin: { ...admin, oddUsage: spoilt.reason }, dropped: false }
  if (!admin || !other) return { admin, dropped: false }
  if (!ticks.since || !isLater(other.panelAsked, ticks.since.tick)) return { admin, dropped: true }
  return { admin: { ...admin, usersUsage: other.panelReading }, dropped: false }
}

/**
 * {@link readAdmin}, until the reading is accepted.
 *
 * @throws `observation_overlapped` when others change it all the time.
 */
export async function mustReadAdmin(deps: ObservingDeps, username: string): Promise<PanelAdmin | null> {
  return retryOverlapped(deps.db, `Admin ${username}`, async (asked, since) => {
    const { admin, dropped } = await readAdmin(deps, { username }, { asked, since })
    return dropped ? undefined : admin
  })
}

/** @param unreadable what the panel's whole list has beside these admins; left out: they are not the whole list. */
async function storeAdmins(
  db: Database,
  asked: Asked,
  listed: readonly PanelAdmin[],
  more: { lagHasPassed: ReturnType<PanelLag['ask']>; unreadable?: readonly UnreadableItem[] },
): Promise<{ dropped: StoredAccount[]; odd: OddCounter[]; found: UnreadableEntry[] }> {
  const { lagHasPassed, unreadable } = more
  const isPoll = unreadable !== undefined
  // Listed twice, an admin is still one.
  const admins = [...new Map(listed.map((admin) => [admin.username, admin])).values()]
  const counts = countsByAdmin(admins)
  return transact(db, async (tx) => {
    const answered = await drawAnswered(tx)
    const ticks = { asked: asked.tick, answered: answered.tick }
    const names = admins.map(({ username }) => username)
    // Before accounts are opened: who observes users does both in this order. One that is open then stays so.
    const [locked, open] = await sendTogether(tx, [lockingAccountsOf([], names), findingOpenAccounts(names)])
    const ids = await openMissingAccounts(tx, admins, open, ticks)
    await markPresent(tx, admins, ticks)
    const accounts = await lockOpened(tx, locked, ids.values())
    const changes: AccountChange[] = []
    const suspicions: Suspicion[] = []
    const dropped: StoredAccount[] = []
    const odd: OddCounter[] = []
    for (const { username, usersUsage, oddUsage } of admins) {
      if (oddUsage !== undefined) odd.push({ username, reason: oddUsage })
      const before = accounts.get(ids.get(username) ?? -1n)
      if (!before) continue
      if (usersUsage === null) {
        const isLeftOut = isPoll && counts && oddUsage === undefined && before.panelReading !== null
        if (isLeftOut) odd.push({ username, reason: 'users_usage is missing' })
        continue
      }
      const { adminId, snapshot } = before
      const isDue = snapshot !== null && lagHasPassed(adminId, snapshot.at)
      const after = applyPanelReading(before, usersUsage, ticks, isDue)
      if (!after) dropped.push(before)
      if (after && !fitsAccount(after)) {
        odd.push({ username, reason: 'with users_usage, it would have consumed more than 2^63 - 1 bytes' })
        continue
      }
      // A poll that learned nothing writes nothing: to forget a reading is as safe as never to have made it, and the
      // time of the poll stands in its own row.
      if (after && (!isPoll || usersUsage !== before.panelReading || after.snapshot !== before.snapshot)) {
        changes.push({ before, after: { ...after, panelAsked: asked.tick }, readAt: asked.at })
        const suspicion = suspicionOfAdmin(adminId, before, after)
        if (suspicion) suspicions.push(suspicion)
      }
    }
    await changeAccounts(tx, { accounts: changes, suspicions }, answered.at)
    const found = unreadable ? await storePoll(tx, { admins, odd, unreadable }, asked, answered) : []
    return { dropped, odd, found }
  })
}
