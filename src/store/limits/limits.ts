import { type Selectable, sql } from 'kysely'
import type { LimitState } from '../../ledger/limit.ts'
import type { Database, Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import { type HoldFigures, holdFigures } from '../holds/hold-figures.ts'
import type { LimitsTable } from '../limit-tables.ts'
import { isExpired, isPending, type LimitFigures, limitColumns, toLimitFigures } from './limit-figures.ts'
import type { LimitSettings } from './limit-settings.ts'

export type StoredLimit = LimitSettings & {
  adminId: bigint
  /** Of the limit and its grants: every change of them has another one, and so has each period. */
  version: bigint
  /** The gravest that was announced and is not over yet; null: nothing. */
  announced: Exclude<LimitState, 'ok'> | null
  /** When the end of the validity was announced; null: not yet. */
  expiredAt: Date | null
  changedAt: Date
  changedBy: string
}

/** A limit with the period that runs, and the total of the account that they are about. */
export type RunningLimit = {
  limit: StoredLimit
  period: LimitFigures['period']
  figures: LimitFigures
  total: bigint
  /** Whether the account is closed: its periods turn no more. */
  isClosed: boolean
  /** Null: the account is not held. */
  hold: HoldFigures | null
}

/** The limits of accounts, by admin; accounts without one are left out. */
export async function readLimits(
  db: Database,
  adminIds: readonly bigint[],
): Promise<Map<bigint, RunningLimit>> {
  const rows = await db
    .selectFrom('limits')
    .innerJoin('cumulative_traffic as account', 'account.admin_id', 'limits.admin_id')
    .innerJoin('limit_periods as period', (join) =>
      join.onRef('period.admin_id', '=', 'limits.admin_id').on('period.closed_at', 'is', null),
    )
    .selectAll('limits')
    .select(limitColumns)
    .innerJoin('admins', 'admins.id', 'limits.admin_id')
    .select(['account.total_traffic_consumed as total', isExpired.as('isExpired'), isPending.as('isPending')])
    .select([holdFigures.as('hold'), 'admins.closed_at as adminClosedAt'])
    .where('limits.admin_id', '=', sql<bigint>`any(${[...adminIds]})`)
    .execute()
  return new Map(
    rows.flatMap((row) => {
      const figures = toLimitFigures(row)
      if (!figures) return []
      const isClosed = row.adminClosedAt !== null
      const running = {
        limit: toLimit(row),
        period: figures.period,
        figures,
        total: row.total,
        isClosed,
        hold: row.hold,
      }
      return [[row.admin_id, running] as const]
    }),
  )
}

function toLimit(row: Selectable<LimitsTable>): StoredLimit {
  const { period_unit: unit, anchor_day: anchorDay, timezone } = row
  return {
    adminId: row.admin_id,
    version: row.version,
    trafficLimit: row.traffic_limit,
    countFrom: row.count_from,
    period: unit === null || anchorDay === null || timezone === null ? null : { unit, anchorDay, timezone },
    carryOver: row.carry_over,
    validUntil: row.valid_until,
    warnAt: row.warn_at,
    onExceed: row.on_exceed,
    announced: row.announced,
    expiredAt: row.expired_at,
    changedAt: row.changed_at,
    changedBy: row.changed_by,
  }
}

export type LimitChange = {
  settings: LimitSettings
  at: Date
  by: string
  /** Whether an end of the validity is announced that was announced before. */
  isValidityNew: boolean
}

/** Stores what an operator has set, as a new version. The account must be locked by the transaction. */
export async function saveLimit(tx: Tx, adminId: bigint, change: LimitChange): Promise<void> {
  const { settings, at, by, isValidityNew } = change
  const row = {
    traffic_limit: settings.trafficLimit,
    count_from: settings.countFrom,
    period_unit: settings.period?.unit ?? null,
    anchor_day: settings.period?.anchorDay ?? null,
    timezone: settings.period?.timezone ?? null,
    carry_over: settings.carryOver,
    valid_until: settings.validUntil,
    warn_at: settings.warnAt,
    on_exceed: settings.onExceed,
    changed_at: at,
    changed_by: by,
    ...(isValidityNew && { expired_at: null }),
  }
  await tx
    .insertInto('limits')
    .values({ admin_id: adminId, ...row })
    .onConflict((conflict) =>
      conflict.column('admin_id').doUpdateSet({ ...row, version: sql<bigint>`nextval('limit_versions')` }),
    )
    .execute()
}

/** Makes another version of a limit whose grants or period have changed: what is crossed from now on is announced again. */
export async function renewVersion(tx: Tx, adminId: bigint): Promise<void> {
  await renewVersions(tx, [adminId])
}

/** {@link renewVersion} of many limits. Returns the new versions, by admin. */
export async function renewVersions(tx: Tx, adminIds: readonly bigint[]): Promise<Map<bigint, bigint>> {
  if (adminIds.length === 0) return new Map()
  const rows = await tx
    .updateTable('limits')
    .set({ version: sql<bigint>`nextval('limit_versions')` })
    .where('admin_id', '=', sql<bigint>`any(${[...adminIds]})`)
    .returning(['admin_id', 'version'])
    .execute()
  return new Map(rows.map(({ admin_id: adminId, version }) => [adminId, version]))
}

/** Removes a limit. Its periods, grants and crossings stay. */
export async function removeLimit(tx: Tx, adminId: bigint): Promise<void> {
  await tx.deleteFrom('limits').where('admin_id', '=', adminId).execute()
}

type AnnouncedState = { adminId: bigint; announced: StoredLimit['announced'] }

const announcedStates = givenTable<AnnouncedState>('new', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  announced: ['text', ({ announced }) => announced],
})

/** Notes what is announced of limits now. */
export async function noteStates(tx: Tx, states: readonly AnnouncedState[]): Promise<void> {
  if (states.length === 0) return
  await sql`
    update limits set announced = new.announced
    from ${announcedStates(states)}
    where limits.admin_id = new.admin_id`.execute(tx)
}

/** Notes that the end of the validity was announced. */
export async function noteExpired(tx: Tx, adminIds: readonly bigint[], at: Date): Promise<void> {
  if (adminIds.length === 0) return
  await tx
    .updateTable('limits')
    .set({ expired_at: at })
    .where('admin_id', '=', sql<bigint>`any(${[...adminIds]})`)
    .execute()
}
