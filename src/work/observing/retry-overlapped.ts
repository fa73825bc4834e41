import { LedgerError } from '../../errors.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'

/** After so many dropped readings of its own, another reader's will do. Its own may show more. */
const ownReadings = 3
/** A user that keeps changing its owner is never read. */
const readingsAtMost = 5

/**
 * Takes a reading until it is accepted, or until another reader's will do: one that was asked for after this had begun.
 * However many others read the same, the fourth reading is the last. A reading that overlaps it was asked for after the
 * third had begun, or the third would have been accepted.
 *
 * @param what names what is read, in messages.
 * @param read undefined: the reading was dropped. `asked` is the tick drawn before; `since`, if it is given, is to be handed
 *   on to what stores the reading: one that was asked for after it serves.
 * @throws `observation_overlapped` when what is read keeps changing its owner.
 */
export async function retryOverlapped<Result>(
  db: Database,
  what: string,
  read: (asked: Asked, since: Asked | undefined) => Promise<Result | undefined>,
): Promise<Result> {
  let before: Asked | undefined
  for (let reading = 1; reading <= readingsAtMost; reading += 1) {
    const asked = await drawAsked(db)
    const result = await read(asked, reading > ownReadings ? before : undefined)
    if (result !== undefined) return result
    before = asked
  }
  throw new LedgerError(
    'observation_overlapped',
    `${what} is changed by others all the time; nothing was done to it. Try again.`,
    { retryAfter: 1 },
  )
}
