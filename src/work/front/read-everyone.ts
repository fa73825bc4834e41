import { LedgerError } from '../../errors.ts'
import { findOpenAccount } from '../../store/accounts/queries.ts'
import {
  beginFrontReading,
  finishFrontReading,
  reportFrontReading,
} from '../../store/collecting/front-readings.ts'
import { listUnreadableSince } from '../../store/collecting/unreadable-items.ts'
import { type Asked, drawAsked } from '../../store/connection/logical-clock.ts'
import type { FrontPurpose } from '../../store/tables.ts'
import { createScanLog } from '../collecting/scan-log.ts'
import { readUnseen } from '../observing/read-unseen.ts'
import { readUsers } from '../observing/read-user-pages.ts'
import { readUser } from './change-user.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'
import { namedAtMost, refuseUnlessUnpreserved, unreadOf } from './unread.ts'

/** Whose users are read, and for what. */
export type Everyone = {
  purpose: FrontPurpose
  /** Only the users of this admin. */
  admin?: string
  /** With whose rights. */
  token: string
}

/**
 * Reads all users that `whom` names, each with a reading that is accepted; shows its progress in the log and in
 * `GET /sync`.
 *
 * @returns the tick drawn before the first was read.
 * @throws `invalid_request` when the caller goes away meanwhile; `user_unreadable` when somebody cannot be read, unless the
 *   caller goes on without.
 */
export async function readEveryone(work: FrontWork, whom: Everyone, request: FrontRequest): Promise<Asked> {
  const { db } = work
  const { gone } = request
  const { admin, token, purpose } = whom
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
      async ({ done, total }) => {
        await reportFrontReading(db, id, { done, total })
        const adminsDone = done === total ? 1 : 0
        log({ adminsDone, adminsTotal: 1, usersDone: done, usersTotal: total, admin: admin ?? '' })
      },
    )
    if (read.unreadable + read.unlisted > 0) {
      const found = read.unlisted > 0 ? await readUnseen(reading, adminId, begun) : 0
      const named = await listUnreadableSince(db, begun, adminId, namedAtMost + 1)
      const unread = unreadOf(named, Math.max(0, read.unlisted - found))
      if (unread) refuseUnlessUnpreserved(work, request, unread)
    }
    return begun
  } catch (error) {
    if (!gone.aborted) throw error
    throw new LedgerError('invalid_request', 'The caller has gone; nothing was forwarded to the panel.')
  } finally {
    await finishFrontReading(db, id)
  }
}
