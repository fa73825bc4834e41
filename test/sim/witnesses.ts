import { users } from './cast.ts'
import { carryOut, type Stage } from './episodes.ts'
import type { Step } from './steps.ts'

/**
 * A user that was never seen is with nobody while a scan proves its bytes by the counter of its admin; then it is seen with
 * that admin for the first time, and brings them along.
 */
export async function seeAfterScan(
  stage: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'first sight after a scan' }>,
): Promise<void> {
  const { panel } = stage
  if (!panel.usage.has(admin)) return
  panel.remove(user)
  panel.create(user, admin)
  panel.consume(user, BigInt(bytes))
  panel.book()
  panel.move(user, null)
  await carryOut(stage, { of: 'poll' })
  await carryOut(stage, { of: 'scan', admin })
  panel.move(user, admin)
  await carryOut(stage, { of: 'scan', admin })
}

/** First only the counter of an admin shows what a user consumed; then, after a rest, only the users show what another did. */
export async function showByOneEach(
  stage: Stage,
  { admin, user, bytes }: Extract<Step, { do: 'one witness each' }>,
): Promise<void> {
  const { panel } = stage
  if (!panel.usage.has(admin)) return
  panel.remove(user)
  panel.create(user, admin)
  panel.consume(user, BigInt(bytes))
  panel.book()
  await carryOut(stage, { of: 'poll' })
  panel.remove(user)
  await stage.comeToRest()
  const other = users.find((name) => name !== user && panel.users.get(name)?.owner === admin)
  if (other === undefined || !panel.usage.has(admin)) return
  panel.consume(other, BigInt(bytes))
  panel.book()
  panel.resetUsage(admin)
  await stage.comeToRest()
}
