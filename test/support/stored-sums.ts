import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'

/** What has to be true of the stored sums, whatever has happened: returns the accounts of which it is not. */
export async function inconsistentAccounts(db: Database): Promise<unknown[]> {
  const { rows } = await sql`
    select account.admin_id
    from cumulative_traffic as account
    left join lateral (
      select coalesce(sum(counted), 0) as counted,
        coalesce(sum(counted) filter (where ended_at is not null), 0) as preserved,
        count(*) filter (where ended_at is null) as open,
        count(*) filter (where ended_by in ('panel', 'service')) as deleted
      from tenures where tenures.admin_id = account.admin_id
    ) as tenures on true
    left join lateral (
      select coalesce(sum(bytes), 0) as bytes from traffic_hourly where traffic_hourly.admin_id = account.admin_id
    ) as hours on true
    left join lateral (
      select coalesce(sum(users) filter (where status <> 'deleted'), 0) as open,
        coalesce(sum(users) filter (where status = 'deleted'), 0) as deleted
      from account_users where account_users.admin_id = account.admin_id
    ) as kept on true
    where account.users_counted <> tenures.counted
      or account.preserved_counted <> tenures.preserved
      or account.opening_balance + hours.bytes <> account.total_traffic_consumed
      or kept.open <> tenures.open
      or kept.deleted <> tenures.deleted`.execute(db)
  return rows
}
