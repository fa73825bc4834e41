import type { PanelAdmin, PanelClient } from '../../panel/panel.ts'

/** Which admins of the panel a name in a path may mean. */
export type ListedAdmins = {
  /** The one of exactly this name. */
  exact: PanelAdmin | null
  /** All that a panel on MySQL would take for it, that one included. */
  same: PanelAdmin[]
}

/**
 * Looks an admin up by its name, whatever characters are in it.
 */
export async function findListed(panel: PanelClient, username: string): Promise<ListedAdmins> {
  const same = await panel.adminsNamed(username)
  return { exact: same.find((admin) => admin.username === username) ?? null, same }
}
