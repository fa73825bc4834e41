import { LedgerError } from '../../errors.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import {
  beginFrontReading,
  finishFrontReading,
  reportingFrontReading,
} from '../../store/collecting/front-readings.ts'
import { listUnreadableSince } from '../../store/collecting/unreadable-items.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'
import type { FrontPurpose } from '../../store/tables.ts'
import { createTenureSet } from '../../store/tenures/tenure-set.ts'
import { createScanLog } from '../collecting/scan-log.ts'
import { readUnseen } from '../observing/read-unseen.ts'
import { readUsers } from '../observing/read-user-pages.ts'
import { readUser } from './change-user.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'
import { describeUnread, namedAtMost, refuseUnread } from './unread.ts'

/** Which users to read, and for which call. */
export type ReadingScope = {
  purpose: FrontPurpose
  /** Only the users of this admin; left out: all users. */
  admin?: string
  /** The panel answers with the rights of this token. */
  token: string
}

/**
 * Reads all users of `scope`, until each has an accepted reading. The log and `GET /sync` show the progress.
 *
 * @returns the tick drawn before the first reading.
 * @throws `invalid_request` when the caller leaves meanwhile; `user_unreadable` when a user cannot be read, unless the caller
 *   goes on without.
 */
export async function readAllUsers(
  work: FrontWork,
  scope: ReadingScope,
  request: FrontRequest,
): Promise<Asked> {
  const { db } = work
  const { gone } = request
  const { admin, token, purpose } = scope
  const log = createScanLog(work.log, work.now)
  const reading = { ...work, rest: async () => {}, signal: gone }
  const account = admin === undefined ? null : await findOpenAccount(db, admin)
  const adminId = account?.id ?? null
  const onDropped = async (usernames: string[]) => {
    for (const username of usernames) await readUser(work, username, request)
  }
  const begun = await drawAsked(db)
  const worker = await work.worker.id()
  const id = await beginFrontReading(db, { purpose, username: admin ?? null, worker })
  try {
    const read = await readUsers(
      reading,
      { ...(admin !== undefined && { admin }), ...(adminId !== null && { adminId }), token, onDropped },
      ({ done, total }) => {
        const adminsDone = done === total ? 1 : 0
        log({ adminsDone, adminsTotal: 1, usersDone: done, usersTotal: total, admin: admin ?? '' })
        return [reportingFrontReading(db, id, { done, total })]
      },
    )
    if (read.unreadable + read.unlisted > 0) {
      const found =
        read.unlisted > 0
          ? await readUnseen(reading, adminId, { begun: begun.tick, unchanged: createTenureSet() })
          : 0
      const named = await listUnreadableSince(db, begun, adminId, namedAtMost + 1)
      const unread = describeUnread(named, Math.max(0, read.unlisted - found))
      if (unread) refuseUnread(work, request, unread)
    }
    return begun
  } catch (error) {
    if (!gone.aborted) throw error
    throw new LedgerError('invalid_request', 'The caller has left; nothing was forwarded to the panel.')
  } finally {
    await finishFrontReading(db, id)
  }
}
