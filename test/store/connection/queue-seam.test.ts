import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../../support/clocks.ts'
import { useLedger } from '../../support/ledger.ts'

// The clock of the queues replaces a function of pg-boss and reads columns of its tables, neither of which pg-boss
// promises to keep. So its version is pinned, and these tests tell at an upgrade what has to be looked at.

const ledger = useLedger()
let boss: PgBoss

beforeAll(async () => {
  boss = new PgBoss({ connectionString: ledger.url, max: 1, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
})
afterAll(() => boss.stop({ graceful: false }))

test('the version of pg-boss is pinned to the one whose functions were read', () => {
  const manifest = (file: string) =>
    JSON.parse(readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8'))
  const { dependencies } = manifest('package.json')
  expect(dependencies['pg-boss']).toMatch(/^\d+\.\d+\.\d+$/)
  expect(manifest('node_modules/pg-boss/package.json').version).toBe(dependencies['pg-boss'])
})

test('pg-boss reads the time by one function, which takes and returns what ours does', async () => {
  const functions = await query<{ definition: string }>(
    ledger.url,
    `select pg_get_functiondef(oid) as definition from pg_proc where pronamespace = 'pgboss'::regnamespace`,
  )
  const ownTime =
    /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|\bcurrent_timestamp\b/i
  const readTime = functions.filter(({ definition }) => ownTime.test(definition.replaceAll('job_now()', '')))
  expect(readTime.map(({ definition }) => definition.split('\n')[0])).toEqual([
    'CREATE OR REPLACE FUNCTION pgboss.job_now()',
  ])
  expect(readTime[0]?.definition).toMatch(/RETURNS timestamp with time zone/i)
})

test('jobs carry the time of that function, whatever the columns have for a default', async () => {
  await boss.createQueue('seam')
  await query(
    ledger.url,
    `create or replace function pgboss.job_now() returns timestamptz language sql stable
       as 'select timestamptz ''2001-02-03 04:05:06Z'''`,
  )
  const id = await boss.send('seam')
  const [job] = await query<{ created_on: Date; start_after: Date }>(
    ledger.url,
    `select created_on, start_after from pgboss.job where id = '${id}'`,
  )
  const then = new Date('2001-02-03T04:05:06Z')
  expect(job).toEqual({ created_on: then, start_after: then })
})

test('the columns that the clock reads are there', async () => {
  const columns = await query<{ name: string }>(
    ledger.url,
    `select table_name || '.' || column_name as name from information_schema.columns
     where table_schema = 'pgboss' and data_type = 'timestamp with time zone'`,
  )
  expect(columns.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'job.created_on',
      'job.started_on',
      'job.heartbeat_on',
      'queue.monitor_claim_on',
      'queue.monitor_on',
      'queue.maintain_on',
      'version.cron_on',
      'version.bam_on',
      'version.flow_on',
      'version.reindex_on',
    ]),
  )
})
