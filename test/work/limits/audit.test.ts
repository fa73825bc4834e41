import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listAudit } from '../../../src/store/audit/audit.ts'
import { limitOf, useLimitedAccount } from '../../support/limits.ts'

const account = useLimitedAccount()
const { ledger } = account

/** The trail of the account, the oldest first. */
async function trail() {
  const { items } = await listAudit(ledger.db, { adminId: account.id, before: null, limit: 100 })
  return items.toReversed()
}

const of = (caller: string, request = limitOf(10_000n)) => ({ ...request, by: caller })
const settings = {
  traffic_limit: 10_000,
  count_from: 'now',
  period: null,
  carry_over: 'none',
  valid_until: null,
  warn_at: [],
  on_exceed: 'notify',
}

test('every change of a limit, a grant or a period has a row: who, when, what was there and what is there now', async () => {
  const { limits, id } = account
  await limits.set(id, of('admin:root'))
  await limits.set(id, of('key:7', limitOf(20_000n, { warnAt: [80] })))
  await account.use(300n)
  const { grant } = await limits.grant(id, { bytes: 5n, note: 'cash', reference: 'a', by: 'admin:root' })
  await limits.revoke(id, grant.id, 'api_key')
  await limits.closePeriod(id, { expected: null, by: 'api_key' })
  await limits.remove(id, { expected: null, by: 'admin:root' })
  const [first, second] = await account.periods()
  const rows = await trail()
  const changed = { ...settings, traffic_limit: 20_000, warn_at: [80] }
  const granted = {
    id: Number(grant.id),
    period_id: Number(first?.id),
    bytes: 5,
    note: 'cash',
    reference: 'a',
  }
  expect(rows.map(({ caller, action, before, after }) => [caller, action, before, after])).toEqual([
    ['admin:root', 'limit.set', null, settings],
    ['key:7', 'limit.set', settings, changed],
    ['admin:root', 'grant.added', null, granted],
    ['api_key', 'grant.revoked', granted, null],
    [
      'api_key',
      'period.closed',
      expect.objectContaining({ id: Number(first?.id), used: 300, granted: 0 }),
      expect.objectContaining({ id: Number(second?.id), used: 0 }),
    ],
    ['admin:root', 'limit.deleted', changed, null],
  ])
  for (const { at } of rows) expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(60_000)
})

test('what changes nothing leaves no row: a dry run, the same limit, a known reference, a second revocation, a refusal', async () => {
  const { limits, id } = account
  await limits.set(id, { ...limitOf(10_000n), isDryRun: true })
  await limits.set(id, limitOf(10_000n))
  await limits.set(id, limitOf(10_000n))
  const request = { bytes: 5n, note: null, reference: 'a', by: 'api_key' }
  const { grant } = await limits.grant(id, request)
  await limits.grant(id, request)
  await limits.revoke(id, grant.id, 'api_key')
  await limits.revoke(id, grant.id, 'api_key')
  await expect(limits.grant(id, { ...request, bytes: 6n })).rejects.toMatchObject({ code: 'conflict' })
  expect((await trail()).map(({ action }) => action)).toEqual(['limit.set', 'grant.added', 'grant.revoked'])
})

test('a change whose row cannot be written does not happen', async () => {
  const { limits, id } = account
  await sql`alter table audit add constraint broken check (caller <> 'admin:mallory')`.execute(ledger.db)
  await expect(limits.set(id, of('admin:mallory'))).rejects.toThrow('broken')
  await expect(limits.read(id)).rejects.toMatchObject({ code: 'not_found' })
  await sql`alter table audit drop constraint broken`.execute(ledger.db)
})
