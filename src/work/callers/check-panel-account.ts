import { LedgerError } from '../../errors.ts'
import type { PanelAdmin, PanelClient } from '../../panel/panel.ts'

/**
 * Checks that the configured account exists and is sudo: only a sudo admin may list all admins and their users.
 *
 * @throws `panel_forbidden` when it is not sudo; the panel's errors when it can't be asked.
 */
export async function checkPanelAccount(panel: PanelClient): Promise<PanelAdmin> {
  const account = await panel.account()
  if (!account.isSudo) {
    throw new LedgerError(
      'panel_forbidden',
      `The panel account ${account.username} is not a sudo admin and cannot read the others' traffic; set MARZBAN_USERNAME and MARZBAN_PASSWORD to a sudo account.`,
    )
  }
  return account
}
