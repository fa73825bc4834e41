import { applyPanelReading } from '../ledger/account.ts'
import type { PanelAdmin, PanelClient } from '../panel/types.ts'
import { type AccountChange, lockAccounts, saveAccounts } from '../store/accounts.ts'
import { markMissing, markPresent, openAccounts } from '../store/admins.ts'
import { type Asked, drawAnswered, drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'
import { recordPoll } from '../store/panel-poll.ts'
import { transact } from '../store/transact.ts'

export type ObserveAdmins = { db: Database; panel: PanelClient; panelLagMs: number }

/**
 * Polls the panel: one request reads the counters of all admins, opens accounts for new ones and notes which have
 * disappeared.
 */
export async function pollAdmins({ db, panel, panelLagMs }: ObserveAdmins, asked: Asked): Promise<void> {
  const admins = await panel.admins()
  await storeAdmins(db, asked, admins, { panelLagMs, complete: true })
}

/**
 * Reads one admin's counter from the panel now. An admin the panel no longer lists keeps what it has.
 *
 * @returns what the panel says; null: it does not list this admin.
 */
export async function readAdmin(
  { db, panel, panelLagMs }: ObserveAdmins,
  admin: { username: string },
): Promise<PanelAdmin | null> {
  const asked = await drawAsked(db)
  const matching = await panel.admins({ username: admin.username })
  // The panel matches parts of names, in any case.
  const named = matching.filter(({ username }) => username === admin.username)
  await storeAdmins(db, asked, named, { panelLagMs, complete: false })
  return named[0] ?? null
}

async function storeAdmins(
  db: Database,
  asked: Asked,
  admins: readonly PanelAdmin[],
  { panelLagMs, complete }: { panelLagMs: number; complete: boolean },
): Promise<void> {
  await transact(db, async (tx) => {
    const answered = await drawAnswered(tx)
    const ticks = { asked: asked.tick, answered: answered.tick, askedAt: asked.at.getTime() }
    const ids = await openAccounts(tx, admins, ticks)
    await markPresent(tx, admins, ticks)
    const accounts = await lockAccounts(tx, ids.values())
    const changes: AccountChange[] = []
    for (const { username, usersUsage } of admins) {
      const before = accounts.get(ids.get(username) ?? -1n)
      if (!before || usersUsage === null) continue
      const after = applyPanelReading(before, usersUsage, ticks, panelLagMs)
      // A poll that learned nothing writes nothing: to forget a reading is as safe as never to have made it, and the
      // time of the poll stands in its own row.
      if (after && (!complete || usersUsage !== before.panelReading || after.snapshot !== before.snapshot)) {
        changes.push({ before, after, readAt: asked.at })
      }
    }
    await saveAccounts(tx, changes, answered.at)
    if (complete) {
      const usernames = admins.map((admin) => admin.username)
      await markMissing(tx, usernames, ticks, answered.at)
      const hasAdminUsage = admins.some((admin) => admin.usersUsage !== null)
      await recordPoll(tx, asked, { admins: admins.length, hasAdminUsage })
    }
  })
}
