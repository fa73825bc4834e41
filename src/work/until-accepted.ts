import { LedgerError } from '../errors.ts'
import { type Asked, drawAsked } from '../store/clock.ts'
import type { Database } from '../store/database.ts'

/** How often something is read again because another observation overlapped the reading. */
const readingsAtMost = 5

/**
 * Takes a reading until it is accepted, or one that somebody else asked for later than this began. However many others read
 * the same all the time, that takes three readings: an overlapping one that was asked for earlier can be met twice at most,
 * and every later one serves.
 *
 * @param what is read, as messages name it.
 * @param read undefined: the reading was dropped. `begun` is to be handed on to what stores the reading.
 * @throws `observation_overlapped` when what is read keeps changing its owner.
 */
export async function untilAccepted<Result>(
  db: Database,
  what: string,
  read: (begun: Asked) => Promise<Result | undefined>,
): Promise<Result> {
  const begun = await drawAsked(db)
  for (let reading = 1; reading <= readingsAtMost; reading += 1) {
    const result = await read(begun)
    if (result !== undefined) return result
  }
  throw new LedgerError(
    'observation_overlapped',
    `${what} is changed by others all the time; nothing was done to it. Try again.`,
    { retryAfter: 1 },
  )
}
