import { applyPanelReading } from '../ledger/account.ts'
import { isLater } from '../ledger/counter.ts'
import type { PanelAdmin, PanelClient } from '../panel/types.ts'
import { type AccountChange, lockAccounts, type StoredAccount, saveAccounts } from '../store/accounts.ts'
import { markMissing, markPresent, openAccounts } from '../store/admins.ts'
import { type Asked, drawAnswered, drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'
import { recordPoll } from '../store/panel-poll.ts'
import { transact } from '../store/transact.ts'
import type { PanelLag } from './panel-lag.ts'
import { untilAccepted } from './until-accepted.ts'

export type ObserveAdmins = { db: Database; panel: PanelClient; panelLag: PanelLag }

/**
 * Polls the panel: one request reads the counters of all admins, opens accounts for new ones and notes which have
 * disappeared.
 */
export async function pollAdmins({ db, panel, panelLag }: ObserveAdmins, asked: Asked): Promise<void> {
  const lagHasPassed = panelLag.ask(asked)
  const admins = await panel.admins()
  await storeAdmins(db, asked, admins, { lagHasPassed, complete: true })
}

/**
 * Reads one admin's counter from the panel now. An admin the panel no longer lists keeps what it has.
 *
 * @param ticks `asked`: drawn before; left out, it is drawn here. `since`: another reading that was asked for after it
 *   serves as well; left out, none does.
 * @returns the admin as the panel names it; null: the panel does not list it. `dropped`: the reading overlapped another.
 */
export async function readAdmin(
  { db, panel, panelLag }: ObserveAdmins,
  { username }: { username: string },
  ticks: { asked?: Asked; since?: Asked | undefined } = {},
): Promise<{ admin: PanelAdmin | null; dropped: boolean }> {
  const asked = ticks.asked ?? (await drawAsked(db))
  const lagHasPassed = panelLag.ask(asked)
  const alike = await panel.adminsNamed(username)
  const admin =
    alike.find((candidate) => candidate.username === username) ??
    (alike.length === 1 ? alike[0] : undefined) ??
    null
  const { dropped } = await storeAdmins(db, asked, admin ? [admin] : [], { lagHasPassed, complete: false })
  const [other] = dropped
  if (!admin || !other) return { admin, dropped: false }
  if (!ticks.since || !isLater(other.panelAsked, ticks.since.tick)) return { admin, dropped: true }
  return { admin: { ...admin, usersUsage: other.panelReading }, dropped: false }
}

/**
 * {@link readAdmin}, until the reading is accepted.
 *
 * @throws `observation_overlapped` when others change it all the time.
 */
export async function mustReadAdmin(work: ObserveAdmins, username: string): Promise<PanelAdmin | null> {
  return untilAccepted(work.db, `Admin ${username}`, async (asked, since) => {
    const { admin, dropped } = await readAdmin(work, { username }, { asked, since })
    return dropped ? undefined : admin
  })
}

async function storeAdmins(
  db: Database,
  asked: Asked,
  admins: readonly PanelAdmin[],
  { lagHasPassed, complete }: { lagHasPassed: ReturnType<PanelLag['ask']>; complete: boolean },
): Promise<{ dropped: StoredAccount[] }> {
  return transact(db, async (tx) => {
    const answered = await drawAnswered(tx)
    const ticks = { asked: asked.tick, answered: answered.tick }
    const ids = await openAccounts(tx, admins, ticks)
    await markPresent(tx, admins, ticks)
    const accounts = await lockAccounts(tx, ids.values())
    const changes: AccountChange[] = []
    const dropped: StoredAccount[] = []
    for (const { username, usersUsage } of admins) {
      const before = accounts.get(ids.get(username) ?? -1n)
      if (!before || usersUsage === null) continue
      const { adminId, snapshot } = before
      const isDue = snapshot !== null && lagHasPassed(adminId, snapshot.at)
      const after = applyPanelReading(before, usersUsage, ticks, isDue)
      if (!after) dropped.push(before)
      // A poll that learned nothing writes nothing: to forget a reading is as safe as never to have made it, and the
      // time of the poll stands in its own row.
      if (after && (!complete || usersUsage !== before.panelReading || after.snapshot !== before.snapshot)) {
        changes.push({ before, after: { ...after, panelAsked: asked.tick }, readAt: asked.at })
      }
    }
    await saveAccounts(tx, changes, answered.at)
    if (complete) {
      const usernames = admins.map((admin) => admin.username)
      await markMissing(tx, usernames, ticks, answered.at)
      const hasAdminUsage = admins.some((admin) => admin.usersUsage !== null)
      await recordPoll(tx, asked, { admins: admins.length, hasAdminUsage })
    }
    return { dropped }
  })
}
