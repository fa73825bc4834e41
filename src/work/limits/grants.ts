import { LedgerError } from '../../errors.ts'
import { allowanceOf } from '../../ledger/limit.ts'
import { writeAudit } from '../../store/audit/audit.ts'
import type { Database } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { findGrant, type Grant, insertGrant, revokeGrant } from '../../store/limits/grants.ts'
import { type RunningLimit, renewVersion } from '../../store/limits/limits.ts'
import { recordEvents } from '../../store/outbox/events.ts'
import { grantState } from './audit-states.ts'
import { judgeNow, lockForLimit, refuseIfClosed } from './locked-account.ts'

export type GrantRequest = Pick<Grant, 'bytes' | 'note' | 'reference'> & {
  /** The name of the caller in the audit trail. */
  by: string
}

/** The largest number of bytes that is kept. */
const largest = 2n ** 63n - 1n

/**
 * Adds bytes to the allowance of the period that runs, or takes some away. The same reference with the same bytes is the same
 * grant: it is added once. One that was taken back is no success: its caller would take the bytes for granted.
 *
 * @returns the grant, and whether it is new.
 * @throws `invalid_request`, `not_found`, `conflict`.
 */
export async function addGrant(
  db: Database,
  adminId: bigint,
  { bytes, note, reference, by }: GrantRequest,
): Promise<{ grant: Grant; isNew: boolean }> {
  return transact(db, async (tx) => {
    const { account, running, at } = await lockForLimit(tx, adminId)
    const known = reference === null ? null : await findGrant(tx, adminId, { reference })
    if (known) return { grant: sameGrant(known, bytes), isNew: false }
    await refuseIfClosed(tx, adminId)
    const { period } = checkGrant(running, bytes)
    const grant = await insertGrant(tx, adminId, {
      periodId: period.id,
      bytes,
      note,
      reference,
      createdAt: at,
      createdBy: by,
    })
    await writeAudit(tx, {
      caller: by,
      action: 'grant.added',
      adminId,
      before: null,
      after: grantState(grant),
    })
    await renewVersion(tx, adminId)
    const payload = { id: grant.id, period_id: period.id, bytes, reference, by }
    await recordEvents(tx, [{ type: 'grant.added', adminId, payload }])
    await judgeNow(tx, account, at)
    return { grant, isNew: true }
  })
}

/**
 * Takes a grant back, and judges at once. One that is revoked already stays as it is.
 *
 * @throws `not_found`; `conflict` when its period is closed.
 */
export async function takeGrantBack(db: Database, adminId: bigint, id: bigint, by: string): Promise<Grant> {
  return transact(db, async (tx) => {
    const { account, running, at } = await lockForLimit(tx, adminId)
    const grant = await findGrant(tx, adminId, { id })
    if (!grant) throw new LedgerError('not_found', `The account ${adminId} has no grant with the id ${id}.`)
    if (grant.revokedAt) return grant
    if (running?.period.id !== grant.periodId) {
      const detail = `The grant ${id} belongs to a period that is closed: what such a period allowed stays as it was.`
      throw new LedgerError('conflict', detail)
    }
    const revoked = await revokeGrant(tx, grant, at, by)
    await writeAudit(tx, {
      caller: by,
      action: 'grant.revoked',
      adminId,
      before: grantState(grant),
      after: null,
    })
    await renewVersion(tx, adminId)
    await judgeNow(tx, account, at)
    return revoked
  })
}

function sameGrant(known: Grant, bytes: bigint): Grant {
  if (known.bytes === bytes && !known.revokedAt) return known
  const fate = known.revokedAt ? ', and was taken back' : ''
  const detail = `reference must be new: the grant ${known.id} has this one, with ${known.bytes} bytes${fate}.`
  throw new LedgerError('conflict', detail, { field: 'reference' })
}

function checkGrant(running: RunningLimit | null, bytes: bigint): RunningLimit {
  if (!running || running.limit.trafficLimit === null) {
    const detail =
      'There is no limit of traffic to add to; set traffic_limit with PUT /admins/{id}/limit first.'
    throw new LedgerError('conflict', detail)
  }
  if (bytes === 0n) throw wrongBytes('bytes must not be 0: positive adds traffic, negative takes some away.')
  const { trafficLimit } = running.limit
  const before = allowanceOf({ ...running.period, trafficLimit }) ?? 0n
  if (bytes < 0n && before + bytes < 0n) {
    const least = before > 0n ? before : 0n
    throw wrongBytes(`bytes must be at least ${-least}: the allowance of this period is ${before} bytes.`)
  }
  if (running.period.granted + bytes > largest || before + bytes > largest) {
    throw wrongBytes(`bytes must be at most ${largest - before}: larger allowances are not kept.`)
  }
  return running
}

function wrongBytes(detail: string): LedgerError {
  return new LedgerError('invalid_request', detail, { field: 'bytes' })
}
