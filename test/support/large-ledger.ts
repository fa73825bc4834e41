import type { Client } from 'pg'

export type LedgerSize = {
  admins: number
  /** As many have gone. */
  users: number
  /** Of users that were deleted one by one. */
  receipts: number
}

/**
 * Fills a ledger as years of use would: each admin has its part of the users, of those that are gone, and of the receipts, nearly all
 * of them ended and deleted. On top of that come bulk deletions: one that has ended, with a thousand users, and forty open
 * ones, of twenty admins, with fifty users each.
 */
export async function fillLedger(client: Client, { admins, users, receipts }: LedgerSize): Promise<void> {
  const ofEach = users / admins
  await client.query(`
    insert into admins (username, is_sudo, answered, first_seen_at)
    select 'admin' || n, false, 0, clock_timestamp() - interval '3 years' from generate_series(1, ${admins}) as n`)
  await client.query(`insert into cumulative_traffic (admin_id, panel_reading) select id, 0 from admins`)
  await client.query(`
    insert into scans (admin_id, started_at, finished_at, panel_reading, users_total)
    select id, clock_timestamp() - interval '1 minute', clock_timestamp(), 0, ${ofEach} from admins`)
  await client.query(
    `insert into account_users select id, status, ${ofEach} from admins, unnest(array['active', 'deleted']) as status`,
  )
  const indexes = await dropIndexes(client)
  await fillTenures(client, admins, 2 * users)
  await fillReceipts(client, admins, receipts)
  await fillBulks(client, admins)
  // To build them afterwards takes a quarter of the time.
  for (const index of indexes) await client.query(index)
  await client.query('set session_replication_role = origin')
  await client.query('analyze')
}

async function fillTenures(client: Client, admins: number, tenures: number): Promise<void> {
  await client.query(`
    insert into tenures (username, created_at, admin_id, reading, counted, answered, status, ended_at, ended_by)
    select 'user' || n, timestamp '2024-01-01' + n * interval '1 minute', n % ${admins} + 1, 10, 0, 1,
      (array['active', 'expired', 'limited'])[n % 3 + 1],
      case when n / ${admins} % 2 = 0 then clock_timestamp() end,
      case when n / ${admins} % 2 = 0 then 'service' end
    from generate_series(1, ${tenures}) as n`)
}

/** One in a thousand has failed; one in three was asked for by a sudo admin. */
async function fillReceipts(client: Client, admins: number, receipts: number): Promise<void> {
  await client.query(`
    insert into deletions (kind, state, username, created_at, admin_id, requested_by, preserve_traffic, final_reading,
      preserved_bytes, requested_at, started_at, preserved_at, finished_at, error_code)
    select 'user', case when n % 1000 = 0 then 'failed' else 'deleted' end, 'gone' || n, timestamp '2024-01-01',
      n % ${admins} + 1, case when n % 3 = 0 then 'api_key' else 'admin:admin' || n % ${admins} + 1 end, true, 10, 0,
      at, at, at, at, case when n % 1000 = 0 then 'panel_failed' end
    from generate_series(1, ${receipts}) as n
    cross join lateral (select clock_timestamp() - (${receipts} - n + 60) * interval '1 minute' as at) as times`)
}

async function fillBulks(client: Client, admins: number): Promise<void> {
  await client.query(`
    with bulks as (
      insert into deletions
        (kind, state, requested_by, preserve_traffic, requested_at, started_at, collected_at, finished_at)
      select 'users', case when n = 0 then 'incomplete' else 'requested' end,
        case when n = 0 then 'api_key' else 'admin:admin' || n % 20 + 1 end, true, now(), now(), now(),
        case when n = 0 then now() end
      from generate_series(0, 40) as n
      returning id, requested_by, finished_at
    )
    insert into deletions (kind, state, parent_id, username, created_at, admin_id, requested_by, preserve_traffic,
      requested_at, preserved_at, finished_at)
    select 'user', case when finished_at is null then 'requested' else 'deleted' end, bulks.id, 'user' || n,
      timestamp '2024-01-01', n % ${admins} + 1, requested_by, true, now(), finished_at, finished_at
    from bulks
    cross join lateral generate_series(1, case when finished_at is null then 50 else 1000 end) as n`)
}

/** Drops what keeps rows from being inserted fast, and returns what makes the indexes again. */
async function dropIndexes(client: Client): Promise<string[]> {
  await client.query("set session_replication_role = replica; set maintenance_work_mem = '256MB'")
  const { rows } = await client.query<{ name: string; definition: string }>(`
    select indexname as name, indexdef as definition from pg_indexes
    where schemaname = 'public' and tablename in ('tenures', 'deletions')
      and indexname not in (select conname from pg_constraint)`)
  for (const { name } of rows) await client.query(`drop index "${name}"`)
  return rows.map(({ definition }) => definition)
}
