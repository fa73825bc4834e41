import { sql } from 'kysely'
import type { Tx } from '../connection/database.ts'
import { givenTable } from '../connection/given.ts'
import { prepared, sendLater, statement } from '../connection/together.ts'
import type { AccountChange } from './accounts.ts'

const changedAccounts = givenTable<AccountChange>('new', {
  admin_id: ['bigint', ({ after }) => after.adminId],
  total: ['bigint', ({ after }) => after.total],
  users_counted: ['bigint', ({ after }) => after.usersCounted],
  preserved: ['bigint', ({ after }) => after.preserved],
  panel_counted: ['bigint', ({ after }) => after.panelCounted],
  panel_reading: ['bigint', ({ after }) => after.panelReading],
  panel_answered: ['bigint', ({ after }) => after.panelAnswered],
  panel_asked: ['bigint', ({ after }) => after.panelAsked],
  panel_fell_from: ['bigint', ({ after }) => after.panelFall?.from ?? null],
  panel_fell_to: ['bigint', ({ after }) => after.panelFall?.to ?? null],
  panel_offset: ['bigint', ({ after }) => after.panelOffset],
  users_offset: ['bigint', ({ after }) => after.usersOffset],
  scanned: ['bigint', ({ after }) => after.scanned],
  scanned_reading: ['bigint', ({ after }) => after.scannedReading],
  scan_ended: ['bigint', ({ after }) => after.scanEnded],
  scan_seen_at: ['timestamptz', ({ after }) => toDate(after.scanSeenAt)],
  snapshot: ['bigint', ({ after }) => after.snapshot?.value ?? null],
  snapshot_at: ['timestamptz', ({ after }) => toDate(after.snapshot?.at ?? null)],
  opening_balance: ['bigint', ({ after }) => after.openingBalance],
  opened: ['boolean', ({ after }) => after.opened],
  read_at: ['timestamptz', ({ readAt }) => readAt],
})

/**
 * Stores changed accounts, locked before in the same transaction, and books their growth: in the hour of `at`, or in
 * the opening balance while the account has not been scanned completely.
 */
export async function saveAccounts(tx: Tx, changes: readonly AccountChange[], at: Date): Promise<void> {
  if (changes.length === 0) return
  const saving = sql`
    update cumulative_traffic as account set
      total_traffic_consumed = new.total,
      last_updated = case when new.total > account.total_traffic_consumed then ${at} else account.last_updated end,
      users_counted = new.users_counted,
      preserved_counted = new.preserved,
      panel_counted = new.panel_counted,
      panel_reading = new.panel_reading,
      panel_answered = new.panel_answered,
      panel_asked = new.panel_asked,
      panel_fell_from = new.panel_fell_from,
      panel_fell_to = new.panel_fell_to,
      panel_offset = new.panel_offset,
      users_offset = new.users_offset,
      scanned = new.scanned,
      scanned_reading = new.scanned_reading,
      scan_ended = new.scan_ended,
      scan_seen_at = new.scan_seen_at,
      snapshot = new.snapshot,
      snapshot_at = new.snapshot_at,
      opening_balance = new.opening_balance,
      opened_at = case when new.opened then coalesce(account.opened_at, ${at}) end,
      read_at = greatest(account.read_at, new.read_at)
    from ${changedAccounts(changes)}
    where account.admin_id = new.admin_id`
  await sendLater(tx, prepared(statement(saving)))
  await bookHour(tx, changes, at)
}

const grownAccounts = givenTable<{ adminId: bigint; bytes: bigint }>('grown', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  bytes: ['bigint', ({ bytes }) => bytes],
})

async function bookHour(tx: Tx, changes: readonly AccountChange[], at: Date): Promise<void> {
  const grown = changes
    .map(({ before, after }) => ({
      adminId: after.adminId,
      bytes: after.total - before.total - (after.openingBalance - before.openingBalance),
    }))
    .filter(({ bytes }) => bytes > 0n)
  if (grown.length === 0) return
  const booking = sql`
    insert into traffic_hourly (admin_id, hour, bytes)
    select admin_id, date_trunc('hour', ${at}::timestamptz, 'UTC'), bytes
    from ${grownAccounts(grown)}
    on conflict (admin_id, hour) do update set bytes = traffic_hourly.bytes + excluded.bytes`
  await sendLater(tx, prepared(statement(booking)))
}

/** By how many the users of an admin in one status rise or fall; `deleted` counts those that are gone. */
export type UsersDelta = { adminId: bigint; status: string; by: number }

const givenDeltas = givenTable<UsersDelta>('delta', {
  admin_id: ['bigint', ({ adminId }) => adminId],
  status: ['text', ({ status }) => status],
  by: ['bigint', ({ by }) => BigInt(by)],
})

/** Adds to the kept numbers of users, for each admin and status at most once. The accounts must be locked by the transaction. */
export async function addUsers(tx: Tx, deltas: readonly UsersDelta[]): Promise<void> {
  const risen = deltas.filter((delta) => delta.by > 0)
  const fallen = deltas.filter((delta) => delta.by < 0)
  if (risen.length + fallen.length === 0) return
  // The insertion proposes no row that falls: the check that there are no fewer users than none would refuse it.
  const adding = sql`
    with kept as (
      update account_users as kept set users = kept.users + delta.by
      from ${givenDeltas(fallen)}
      where kept.admin_id = delta.admin_id and kept.status = delta.status
    )
    insert into account_users (admin_id, status, users) select * from ${givenDeltas(risen)}
    on conflict (admin_id, status) do update set users = account_users.users + excluded.users`
  await sendLater(tx, prepared(statement(adding)))
}

function toDate(time: number | null): Date | null {
  return time === null ? null : new Date(time)
}
