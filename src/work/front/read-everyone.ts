import { LedgerError } from '../../errors.ts'
import type { UnreadableItem } from '../../panel/types.ts'
import { type Asked, drawAsked } from '../../store/clock.ts'
import { beginFrontReading, finishFrontReading, reportFrontReading } from '../../store/front-readings.ts'
import type { FrontPurpose } from '../../store/tables.ts'
import { readUsers } from '../read-users.ts'
import { createScanLog } from '../scan-log.ts'
import { readUser } from './change-user.ts'
import type { FrontRequest, FrontWork } from './front-request.ts'
import { noting, refuseUnlessUnpreserved, unreadOf } from './unread.ts'

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
  const found: UnreadableItem[] = []
  const reading = { ...work, panel: noting(work.panel, found), rest: async () => {}, signal: gone }
  const onDropped = async (usernames: string[]) => {
    for (const username of usernames) await readUser(work, username, request)
  }
  const begun = await drawAsked(db)
  const worker = await work.worker.id()
  const id = await beginFrontReading(db, { purpose, username: admin ?? null, worker })
  try {
    const read = await readUsers(
      reading,
      { ...(admin !== undefined && { admin }), token, onDropped },
      async ({ done, total }) => {
        await reportFrontReading(db, id, { done, total })
        const adminsDone = done === total ? 1 : 0
        log({ adminsDone, adminsTotal: 1, usersDone: done, usersTotal: total, admin: admin ?? '' })
      },
    )
    const unread = unreadOf(found, read)
    if (unread) refuseUnlessUnpreserved(work, request, unread)
    return begun
  } catch (error) {
    if (!gone.aborted) throw error
    throw new LedgerError('invalid_request', 'The caller has gone; nothing was forwarded to the panel.')
  } finally {
    await finishFrontReading(db, id)
  }
}
