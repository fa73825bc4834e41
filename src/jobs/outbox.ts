import type { PgBoss } from 'pg-boss'
import { type GiveEntry, type HandOnDeps, handOnAll } from '../work/outbox/hand-on.ts'
import { lookAtBulk } from './deletions.ts'
import { lookAtHold } from './holds.ts'
import { sendObservation } from './observations.ts'
import { repeat } from './repeat.ts'

export type OutboxJob = HandOnDeps & {
  /** Milliseconds between two looks; left out: 5 seconds. */
  pauseMs?: number
}

/** `onDone`: called when all has been handed on. */
type HandingOn = { signal: AbortSignal; onError: (error: Error) => void; onDone?: () => void }

/** How long an entry may wait that no replica heard of. */
const usualPauseMs = 5_000

/**
 * Hands on to the queues what is written into the outbox, until `signal` is aborted: at once when a replica has written
 * something, and every few seconds whatever it hears. The queues must exist.
 *
 * @returns resolves when it has ended.
 */
export async function keepHandingOn(
  boss: PgBoss,
  { db, listenTo, pauseMs = usualPauseMs }: OutboxJob,
  { signal, onError, onDone }: HandingOn,
): Promise<void> {
  const give: GiveEntry = (tx, entry) => {
    switch (entry.kind) {
      case 'bulk_deletion':
        return lookAtBulk(boss, tx, entry, 0)
      case 'observation':
        return sendObservation(boss, tx, entry.usernames)
      case 'hold':
        return lookAtHold(boss, tx, entry.adminId)
    }
  }
  const handOn = oneAtATime(async () => {
    await handOnAll(db, give, signal)
    onDone?.()
  })
  const listener = listenTo(() => void handOn().catch(onError))
  const look = async () => {
    await listener.listen().catch(onError)
    // Also what was written while no replica listened.
    await handOn()
  }
  await look().catch(onError)
  await repeat(look, { pauseMs, signal, onError })
  await listener.close()
  await handOn().catch(onError)
}

/** Calls `act` once more after the call under way, however often it is asked to meanwhile. */
function oneAtATime(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  let isAskedAgain = false
  const run = async () => {
    while (isAskedAgain) {
      isAskedAgain = false
      await act()
    }
  }
  return () => {
    isAskedAgain = true
    running ??= run().finally(() => {
      running = null
    })
    return running
  }
}
