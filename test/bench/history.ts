import type { Client } from 'pg'

/**
 * Gives each admin of a ledger a year behind it: traffic in every hour, and a limit whose periods are months. Each month it warned
 * once, and was exceeded once.
 *
 * @param hours how many hours the year has.
 */
export async function fillHistory(client: Client, hours: number): Promise<void> {
  await client.query('set session_replication_role = replica')
  await client.query(`
    insert into traffic_hourly (admin_id, hour, bytes)
    select id, date_trunc('hour', now()) - hour * interval '1 hour', 1000000 + hour
    from admins cross join generate_series(1, ${hours}) as hour`)
  await client.query(`
    insert into limits (admin_id, traffic_limit, count_from, period_unit, anchor_day, timezone, carry_over, warn_at, on_exceed,
      changed_at, changed_by)
    select id, 1000000000000, 'now', 'month', 1, 'Asia/Tehran', 'none', '{80,95}', 'notify', now(), 'api_key' from admins`)
  await client.query(`
    insert into limit_periods (admin_id, starts_at, ends_at, total_at_start, closed_at, total_at_end, allowance_at_end)
    select id, starts_at, starts_at + interval '1 month', 0,
      case when month > 0 then starts_at + interval '1 month' end,
      case when month > 0 then 0 end, case when month > 0 then 1000000000000 end
    from admins cross join generate_series(0, 12) as month
    cross join lateral (select date_trunc('month', now()) - month * interval '1 month' as starts_at) as months
    order by month desc`)
  await client.query(`
    insert into limit_crossings (admin_id, period_id, version, kind, threshold, total, crossed_at)
    select admin_id, id, 1, kind, case kind when 'warned' then 80 else 100 end, 0, starts_at
    from limit_periods cross join unnest(array['warned', 'exceeded']) as kind where closed_at is not null`)
  await client.query(`
    insert into events (type, admin_id, username, payload, created_at)
    select 'limit.' || kind, admin_id, username,
      jsonb_build_object('admin', username, 'used', '800000000000', 'allowance', '1000000000000', 'threshold', threshold), crossed_at
    from limit_crossings join admins on admins.id = admin_id`)
  await client.query('set session_replication_role = origin')
  await client.query('vacuum analyze')
}
