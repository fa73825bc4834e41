import { beset } from './beset.ts'
import {
  carryOut,
  createAdminAgain,
  hideBesideFailing,
  pollDuringScan,
  resetByAnotherSpelling,
  resetWhileAdminAppears,
  resetWhileListed,
  type Stage,
  seeStale,
  startBadly,
} from './episodes.ts'
import { happen } from './happenings.ts'
import { playLimitStep } from './limit-episodes.ts'
import type { Step } from './steps.ts'
import { seeAfterScan, showByOneEach } from './witnesses.ts'

/** What stops and starts the simulation's own parts. */
type Own =
  | 'wait'
  | 'start'
  | 'run'
  | 'fail'
  | 'crash'
  | 'act late'
  | 'come to rest'
  | 'back up ledger'
  | 'restore ledger'

/** Lets a step happen that is an episode of several operations, or that happens in the panel alone. */
export async function play(stage: Stage, step: Exclude<Step, { do: Own }>): Promise<void> {
  switch (step.do) {
    case 'start badly':
      return startBadly(stage, step)
    case 'carry out':
      return carryOut(stage, step.work, step.replica)
    case 'create admin again':
      return createAdminAgain(stage, step)
    case 'beset':
      return beset(stage, step)
    case 'reset while an admin appears':
      return resetWhileAdminAppears(stage, step)
    case 'poll during a scan':
      return pollDuringScan(stage, step)
    case 'reset user':
      return resetWhileListed(stage, step)
    case 'stale sight':
      return seeStale(stage, step)
    case 'first sight after a scan':
      return seeAfterScan(stage, step)
    case 'one witness each':
      return showByOneEach(stage, step)
    case 'unseen beside a failing user':
      return hideBesideFailing(stage, step)
    case 'reset by another spelling':
      return resetByAnotherSpelling(stage, step)
    case 'limit':
    case 'use up':
    case 'serve user':
    case 'connect':
    case 'lift while disabling':
    case 'create again while held':
    case 'disable while held':
    case 'kill while disabling':
    case 'hold who waits':
      return playLimitStep(stage, step)
    default:
      return happen(stage.panel, step)
  }
}
