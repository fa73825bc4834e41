import { LedgerError } from '../../errors.ts'
import type { Database } from '../../store/connection/database.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'

/** From which reading on that of somebody else serves: until then the own one is tried for, which may show more. */
const ownReadings = 3
/** What changes its owner all the time, nobody serves. */
const readingsAtMost = 5

/**
 * Takes a reading until it is accepted, or until somebody else's serves as well: one that was asked for after this had
 * begun. However many others read the same all the time, the fourth reading is the last: one that overlaps it was asked for
 * after the third had begun, since the third would have been accepted otherwise.
 *
 * @param what is read, as messages name it.
 * @param read undefined: the reading was dropped. `asked` is the tick drawn before; `since`, if it is given, is to be handed
 *   on to what stores the reading: one that was asked for after it serves.
 * @throws `observation_overlapped` when what is read keeps changing its owner.
 */
export async function untilAccepted<Result>(
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
