import type { VirtualPanel } from './panel.ts'
import { type Step, users, type Work } from './steps.ts'

/** What a longer happening is made of. */
export type Stage = {
  panel: VirtualPanel
  carryOut(work: Work): Promise<void>
  comeToRest(): Promise<void>
}

/**
 * A user that was never seen is with nobody while a scan proves its bytes by the counter of its admin; then it is seen with
 * that admin for the first time, and brings them along.
 */
export async function seeAfterScan(
  { panel, carryOut }: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'first sight after a scan' }>,
): Promise<void> {
  if (!panel.usage.has(admin)) return
  panel.remove(user)
  panel.create(user, admin)
  panel.consume(user, BigInt(bytes))
  panel.book()
  panel.move(user, null)
  await carryOut({ of: 'poll' })
  await carryOut({ of: 'scan', admin })
  panel.move(user, admin)
  await carryOut({ of: 'scan', admin })
}

/** First only the counter of an admin shows what a user consumed; then, after a rest, only the users show what another did. */
export async function showByOneEach(
  { panel, carryOut, comeToRest }: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'one witness each' }>,
): Promise<void> {
  if (!panel.usage.has(admin)) return
  panel.remove(user)
  panel.create(user, admin)
  panel.consume(user, BigInt(bytes))
  panel.book()
  await carryOut({ of: 'poll' })
  panel.remove(user)
  await comeToRest()
  const other = users.find((name) => name !== user && panel.users.get(name)?.owner === admin)
  if (other === undefined || !panel.usage.has(admin)) return
  panel.consume(other, BigInt(bytes))
  panel.book()
  panel.resetUsage(admin)
  await comeToRest()
}
