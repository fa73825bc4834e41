import { panelTreatsAsSame } from '../../panel/same-name.ts'
import type { PanelAdmin, PanelClient } from '../../panel/types.ts'

/** Which admins of the panel a name in a path may mean. */
export type ListedAdmins = {
  /** The one of exactly this name. */
  exact: PanelAdmin | null
  /** All that a panel on MySQL would take for it, that one included. */
  same: PanelAdmin[]
}

/**
 * Looks an admin up in the whole list: the panel's own filter takes `%`, `_` and backslashes in a name for something else,
 * and finds no name that differs in spaces at its end.
 */
export async function findListed(panel: PanelClient, username: string): Promise<ListedAdmins> {
  const same = (await panel.admins()).filter((admin) => panelTreatsAsSame(admin.username, username))
  return { exact: same.find((admin) => admin.username === username) ?? null, same }
}
