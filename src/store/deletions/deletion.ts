import type { Selectable } from 'kysely'
import { type Reason, toReason } from '../connection/reason.ts'
import type { DeletionKind, DeletionState, DeletionsTable } from '../tables.ts'

/** What every receipt says. Traffic is in bytes. */
type Receipt = {
  id: bigint
  state: DeletionState
  requestedBy: string
  preserveTraffic: boolean
  /** The account's total when the deletion ended; null: it has not ended, or there is no account. */
  totalTraffic: bigint | null
  /** Why it failed, or what a bulk deletion waits for; null: neither. */
  error: Reason | null
  requestedAt: Date
  /** When the final reading was stored; null: not yet. */
  preservedAt: Date | null
  /** Null: it has not ended. */
  finishedAt: Date | null
}

/** The deletion of one user. */
export type UserDeletion = Receipt & {
  kind: 'user'
  username: string
  /** Which user of that name it is; null: unknown. */
  createdAt: string | null
  /** The account that keeps the bytes; null: none does. */
  adminId: bigint | null
  /** The user's last counter; null: it was not read. */
  finalReading: bigint | null
  /** What the deletion added to the account; null: nothing was read. */
  preservedBytes: bigint | null
  /** The bulk deletion that it is part of; null: none. */
  parentId: bigint | null
}

/** Which users a bulk deletion deletes. */
export type UsersScope =
  /** Those that its receipts name, of this account; null: of any account. */
  | { by: 'names'; adminId: bigint | null }
  /** Users of this account that have one of these statuses; null: every status. */
  | { by: 'account'; adminId: bigint; statuses: readonly string[] | null }

export type AccountScope = Extract<UsersScope, { by: 'account' }>

/** What the receipts of bulk deletions say beside. */
type Bulk = {
  /** What the deletions of its users added to accounts; null: it has not ended, or nothing was read. */
  preservedBytes: bigint | null
  /** When each of its users had a receipt; null: not yet. */
  collectedAt: Date | null
  /** How often its users have been looked for. */
  rounds: number
  /** What tells its request from another one with the same idempotency key; null: it has no key. */
  requestHash: string | null
}

/** The deletion of several users. */
export type UsersDeletion = Receipt & Bulk & { kind: 'users'; scope: UsersScope }

/** The deletion of an admin. */
export type AdminDeletion = Receipt &
  Bulk & {
    kind: 'admin'
    adminId: bigint
    /** All its users. */
    scope: AccountScope
    /** Whether its users are deleted too; false: they stay in the panel. */
    withUsers: boolean
    /** The admin's last counter; null: it was not read. */
    finalReading: bigint | null
  }

export type BulkDeletion = UsersDeletion | AdminDeletion

/** A deletion asked of this service: its receipt, and where it stands. */
export type Deletion = UserDeletion | BulkDeletion
export type DeletionOf<Kind extends DeletionKind> = Extract<Deletion, { kind: Kind }>

/** Names one deletion. Any {@link Deletion} does. */
export type DeletionRef<Kind extends DeletionKind = DeletionKind> = { id: bigint; kind: Kind }

/** The columns of {@link DeletionRow}. */
export const deletionColumns = [
  'id',
  'kind',
  'state',
  'username',
  'created_at',
  'admin_id',
  'parent_id',
  'requested_by',
  'only_admin_id',
  'only_statuses',
  'preserve_traffic',
  'final_reading',
  'preserved_bytes',
  'total_traffic',
  'error_code',
  'error',
  'request_hash',
  'requested_at',
  'preserved_at',
  'finished_at',
  'collected_at',
  'rounds',
] as const satisfies (keyof DeletionsTable)[]

/** What a {@link Deletion} is made of. */
export type DeletionRow = Pick<Selectable<DeletionsTable>, (typeof deletionColumns)[number]>

/** A deletion as its row holds it. */
export function toDeletion(row: DeletionRow): Deletion {
  const receipt: Receipt = {
    id: row.id,
    state: row.state,
    requestedBy: row.requested_by,
    preserveTraffic: row.preserve_traffic,
    totalTraffic: row.total_traffic,
    error: toReason(row.error_code, row.error),
    requestedAt: row.requested_at,
    preservedAt: row.preserved_at,
    finishedAt: row.finished_at,
  }
  if (row.kind === 'user') {
    return {
      ...receipt,
      kind: row.kind,
      username: present(row, 'username'),
      createdAt: row.created_at,
      adminId: row.admin_id,
      finalReading: row.final_reading,
      preservedBytes: row.preserved_bytes,
      parentId: row.parent_id,
    }
  }
  const bulk: Bulk = {
    preservedBytes: row.preserved_bytes,
    collectedAt: row.collected_at,
    rounds: row.rounds,
    requestHash: row.request_hash,
  }
  if (row.kind === 'users') return { ...receipt, ...bulk, kind: row.kind, scope: scopeOf(row) }
  const adminId = present(row, 'admin_id')
  return {
    ...receipt,
    ...bulk,
    kind: row.kind,
    adminId,
    scope: { by: 'account', adminId, statuses: null },
    withUsers: row.only_admin_id !== null,
    finalReading: row.final_reading,
  }
}

function scopeOf(row: DeletionRow): UsersScope {
  return row.admin_id === null
    ? { by: 'names', adminId: row.only_admin_id }
    : { by: 'account', adminId: row.admin_id, statuses: row.only_statuses }
}

/** {@link toDeletion} of a row whose kind the caller knows. */
export function toDeletionOf<Kind extends DeletionKind>(
  kinds: readonly Kind[],
  row: DeletionRow,
): DeletionOf<Kind> {
  const deletion = toDeletion(row)
  if (isOf(kinds, deletion)) return deletion
  throw new Error(`The deletion ${row.id} is of the kind ${row.kind}, not ${kinds.join(' or ')}.`)
}

function isOf<Kind extends DeletionKind>(
  kinds: readonly Kind[],
  deletion: Deletion,
): deletion is DeletionOf<Kind> {
  return kinds.some((kind) => kind === deletion.kind)
}

/** The column of a row whose kind always has it. The database checks so. */
function present<Column extends 'username' | 'admin_id'>(
  row: DeletionRow,
  column: Column,
): NonNullable<DeletionRow[Column]> {
  const value = row[column]
  if (value === null) throw new Error(`The deletion ${row.id} of the kind ${row.kind} has no ${column}.`)
  return value
}
