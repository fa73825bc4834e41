import { claim } from './books.ts'
import type { LimitRows } from './limit-rows.ts'
import type { VirtualPanel } from './panel.ts'
import { hidesStatus, keepsService } from './spoil.ts'

/** What must be true of the users of all accounts when everything is at rest and every hold was enforced. */
export function checkHeldUsers(panel: VirtualPanel, { accounts, holds, held }: LimitRows): void {
  const { services, spoils } = panel
  const isHeld = (admin: string | null) => {
    const account = accounts.find((one) => one.admin === admin && !one.isClosed)
    return holds.some((hold) => hold.account === account?.id && hold.reasons.length > 0)
  }
  const cannotTell = new Set(
    panel.report().flatMap(({ id, name }) => (spoils.get(id) === undefined ? [] : [name])),
  )
  for (const { id, name, owner } of panel.report()) {
    const spoil = spoils.get(id)
    // The panel fails at this user, or does not say whether it serves it.
    if (keepsService(spoil) || spoil === 'no creation' || hidesStatus(spoil)) continue
    if (owner !== null && isHeld(owner)) {
      claim(!services.isServed(id), `at rest ${name} of ${owner}, which is held, is ${services.show(id)}`)
    } else {
      claim(services.isAsMeant(id), `at rest ${name} of ${owner}, which is not held, is ${services.show(id)}`)
    }
  }
  for (const { account, username, state, isOpen, isLookedAt } of held) {
    if (cannotTell.has(username)) continue
    claim(!isLookedAt, `at rest somebody has yet to look at ${username}`)
    if (!isOpen) continue
    const hold = holds.find((one) => one.account === account)
    claim(hold !== undefined && hold.reasons.length > 0, `at rest ${username} was never given back`)
    claim(state === 'held', `at rest ${username} is ${state}, and its account is held`)
  }
  const left = holds.filter(({ reasons }) => reasons.length === 0)
  if (cannotTell.size === 0) claim(left.length === 0, 'at rest a hold that is over is still there')
}

/** When all holds have been enforced once: who was not given back is somebody at whom that failed. */
export function checkNobodyPassedOver(panel: VirtualPanel, { holds, held }: LimitRows): void {
  const over = new Set(holds.filter(({ reasons }) => reasons.length === 0).map(({ account }) => account))
  for (const { account, username, isOpen, hasFailed } of held) {
    const isOdd = panel.spoils.has(panel.users.get(username)?.id ?? -1)
    const isGivenBack = !isOpen || hasFailed || isOdd || !over.has(account)
    claim(isGivenBack, `${username} was passed over when the users of its account were given back`)
  }
}
