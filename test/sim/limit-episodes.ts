import { type User, users } from './cast.ts'
import { carryOut, runToEnd, runUntil, type Stage } from './episodes.ts'
import { figuresOf } from './limit-books.ts'
import type { LimitStep } from './limit-steps.ts'

type Episode<Do extends LimitStep['do']> = Extract<LimitStep, { do: Do }>

/** What several operations bring about, whose order matters. */
export async function playLimitStep(stage: Stage, step: LimitStep): Promise<void> {
  switch (step.do) {
    case 'limit':
      await readAccount(stage, step.admin)
      return carryOut(stage, { of: 'set limit', admin: step.admin, limit: step.limit })
    case 'use up':
      return useUp(stage, step)
    case 'serve user':
      return serve(stage, step)
    case 'connect': {
      const user = stage.panel.users.get(step.user)
      const waits = user && stage.panel.services.of(user.id).status === 'on_hold'
      if (waits) stage.panel.services.change(user.id, { status: 'active', duration: null })
      return
    }
    case 'lift while disabling':
      return liftWhileDisabling(stage, step)
    case 'create again while held':
      return createAgain(stage, step)
    case 'disable while held':
      return disableWhileHeld(stage, step)
    case 'kill while disabling':
      return killWhileDisabling(stage, step)
    case 'hold who waits':
      return holdWhoWaits(stage, step)
  }
}

async function readAccount(stage: Stage, admin: Episode<'limit'>['admin']): Promise<void> {
  await carryOut(stage, { of: 'poll' })
  await carryOut(stage, { of: 'scan', admin })
}

/** The allowance is used up to the byte: both counters have shown all that was consumed before. */
async function useUp(stage: Stage, { admin, user: wanted, percent }: Episode<'use up'>): Promise<void> {
  const { panel } = stage
  const user = ownOf(stage, admin, wanted)
  if (user === null) return
  panel.book()
  await readAccount(stage, admin)
  const rows = await stage.limitRows()
  const account = rows.accounts.find((one) => one.admin === admin && !one.isClosed)
  const limit = rows.limits.find((one) => one.account === account?.id)
  const periods = rows.periods.filter((one) => one.account === account?.id)
  const figures = account && figuresOf(account, limit, periods)
  if (!figures || figures.allowance === null) return
  const missing = (figures.allowance * BigInt(percent)) / 100n - figures.used
  if (missing <= 0n) return
  panel.consume(user, missing)
  panel.book()
  await carryOut(stage, { of: 'poll' })
}

/** `user`, or else another one, that is one of `admin`'s now; it may have been created. Null: there is no such user. */
function ownOf({ panel }: Stage, admin: string, user: User): User | null {
  if (!panel.usage.has(admin)) return null
  if (!panel.users.has(user)) panel.create(user, admin)
  return [user, ...users].find((name) => panel.users.get(name)?.owner === admin) ?? null
}

async function serve(stage: Stage, { user: name, status }: Episode<'serve user'>): Promise<void> {
  const user = stage.panel.users.get(name)
  if (!user) return
  const { holds, held } = await stage.limitRows()
  const isNoticed = holds.length === 0 && held.every(({ isOpen, isLookedAt }) => !isOpen && !isLookedAt)
  const change = status === 'on_hold' ? { status, duration: 3_600n } : { status }
  stage.panel.services.change(user.id, change, status === 'disabled' && !isNoticed)
}

const isChange = (label: string) => label.startsWith('PUT')

async function liftWhileDisabling(stage: Stage, step: Episode<'lift while disabling'>): Promise<void> {
  const { admin } = step
  if (ownOf(stage, admin, step.user) === null) return
  await readAccount(stage, admin)
  await carryOut(stage, { of: 'place hold', admin })
  const holding = await stage.start(0, { of: 'enforce hold', admin })
  await runUntil(stage, holding, ({ line, label }) => line === null && isChange(label))
  const change = stage.next(holding)
  if (!change) return
  if (step.ending === 'unanswered') {
    await stage.go(change, 'late')
    await runToEnd(stage, holding)
  }
  await carryOut(stage, { of: 'lift hold', admin })
  await carryOut(stage, { of: 'enforce hold', admin })
  if (step.ending === 'go on') await runToEnd(stage, holding)
  if (step.ending === 'killed') await stage.crash(0, { committed: false, late: true })
}

async function createAgain(
  stage: Stage,
  { admin, user: wanted }: Episode<'create again while held'>,
): Promise<void> {
  const { panel } = stage
  const user = ownOf(stage, admin, wanted)
  if (user === null) return
  await readAccount(stage, admin)
  await carryOut(stage, { of: 'place hold', admin })
  await carryOut(stage, { of: 'enforce hold', admin })
  panel.remove(user)
  panel.create(user, admin)
  await serve(stage, { do: 'serve user', user, status: 'on_hold' })
  await carryOut(stage, { of: 'enforce hold', admin })
  await carryOut(stage, { of: 'lift hold', admin })
  await carryOut(stage, { of: 'enforce hold', admin })
}

async function disableWhileHeld(
  stage: Stage,
  { admin, user: wanted }: Episode<'disable while held'>,
): Promise<void> {
  const user = ownOf(stage, admin, wanted)
  if (user === null) return
  await readAccount(stage, admin)
  await carryOut(stage, { of: 'place hold', admin })
  await carryOut(stage, { of: 'enforce hold', admin })
  await carryOut(stage, { of: 'front: edit user', user, status: 'disabled', caller: 'owner' })
  await carryOut(stage, { of: 'lift hold', admin })
}

async function killWhileDisabling(
  stage: Stage,
  { admin, user }: Episode<'kill while disabling'>,
): Promise<void> {
  if (ownOf(stage, admin, user) === null) return
  await readAccount(stage, admin)
  await carryOut(stage, { of: 'place hold', admin })
  const holding = await stage.start(0, { of: 'enforce hold', admin })
  await runUntil(stage, holding, ({ kind, label }) => kind === 'answer' && isChange(label))
  await stage.crash(0, { committed: false, late: false })
}

async function holdWhoWaits(stage: Stage, step: Episode<'hold who waits'>): Promise<void> {
  const { admin } = step
  const user = ownOf(stage, admin, step.user)
  if (user === null) return
  await readAccount(stage, admin)
  await serve(stage, { do: 'serve user', user, status: 'on_hold' })
  await carryOut(stage, { of: 'place hold', admin })
  await carryOut(stage, { of: 'enforce hold', admin })
  if (step.lifted) await carryOut(stage, { of: 'lift hold', admin })
}
