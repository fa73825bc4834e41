import { admins, lagSeconds } from './cast.ts'
import { checkNobodyPassedOver } from './hold-claims.ts'
import type { LimitRows } from './limit-rows.ts'
import type { VirtualPanel } from './panel.ts'
import { environment } from './panel-api.ts'
import type { Work } from './steps.ts'
import { graceMs } from './wire.ts'

/** After which a deletion that nobody goes on with counts as abandoned. */
export const silentMs = 15 * 60_000
/** How often open deletions are looked at until none can have anything to wait for. */
const settlingRounds = 3
/** After which users that were given back are looked at once more. */
const lookMs = 61_000
/** A user that is given back when it is looked at is looked at again; then a period can end, and so on. */
const lookRounds = 6

/** What everything is brought to rest with. */
export type Resting = {
  panel: VirtualPanel
  isBroken(): boolean
  /** Ends all operations that are under way. */
  endAll(): Promise<void>
  pass(ms: number): Promise<void>
  /** Carries work out; whether it succeeds does not matter. */
  finish(work: Work): Promise<unknown>
  /** Carries work out, and it must succeed. */
  complete(work: Work): Promise<void>
  /** Runs a check; what it throws breaks the simulation. */
  check(what: () => void): void
  /** The panel carries out a request that nobody waits for any more. */
  actLate(): Promise<void>
}

/** Nothing is late any more either, and everybody has been looked for since. */
export async function comeToRest(rest: Resting): Promise<void> {
  await settle(rest)
  const isLate = () => rest.panel.unanswered.some(({ act }) => act !== null)
  if (isLate()) {
    while (isLate()) await rest.actLate()
    await settle(rest)
  }
}

/** Everything under way ends, deletions are carried out or settled, and the panel is read when it has booked all. */
async function settle(rest: Resting): Promise<void> {
  await rest.endAll()
  // A receipt whose commit was never acknowledged looks under way for as long as its service lives.
  await rest.pass(silentMs)
  // While the panel may still act on what it has not answered, a deletion waits; and a bulk deletion for its users'.
  for (let round = 1; round < settlingRounds; round += 1) {
    await rest.finish({ of: 'settle deletions' })
    await rest.finish({ of: 'go on with bulk deletions' })
    await rest.pass(graceMs)
  }
  await rest.complete({ of: 'settle deletions' })
  await rest.complete({ of: 'go on with bulk deletions' })
  await pollAndWait(rest)
  for (const admin of [...admins, environment]) await rest.complete({ of: 'scan', admin })
  await pollAndWait(rest)
}

/** What the last scans have seen is compared with the counters once the lag has passed since a poll met it. */
async function pollAndWait(rest: Resting): Promise<void> {
  await rest.complete({ of: 'poll' })
  await rest.pass(lagSeconds * 1000)
  await rest.complete({ of: 'poll' })
}

/** All limits are judged, and every hold has disabled its users, or given them back. */
export async function enforceAll(rest: Resting, read: () => Promise<LimitRows>): Promise<void> {
  for (let round = 0; round < lookRounds && !rest.isBroken(); round += 1) {
    await rest.complete({ of: 'turn due limits' })
    const before = await read()
    // A hold that was removed may have left a user to look at.
    const isNothingLeft = before.held.every(({ isOpen, isLookedAt }) => !isOpen && !isLookedAt)
    if (before.holds.length === 0 && isNothingLeft) return
    await rest.complete({ of: 'enforce all holds' })
    const rows = await read()
    const { holds, held } = rows
    if (round === 0) rest.check(() => checkNobodyPassedOver(rest.panel, rows))
    const isOver = holds.every(({ reasons }) => reasons.length > 0)
    if (
      isOver &&
      held.every(({ isOpen, isLookedAt, state }) => !isLookedAt && !(isOpen && state === 'planned'))
    )
      return
    await rest.pass(lookMs)
  }
}
