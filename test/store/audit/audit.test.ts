import { expect, test } from 'vitest'
import { type AuditChange, listAudit, writeAudit } from '../../../src/store/audit/audit.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { useLedger } from '../../support/ledger.ts'
import { createAccount } from '../../support/limits.ts'

const ledger = useLedger()

const write = (change: Partial<AuditChange>) =>
  transact(ledger.db, (tx) =>
    writeAudit(tx, {
      caller: 'api_key',
      action: 'limit.set',
      adminId: null,
      before: null,
      after: null,
      ...change,
    }),
  )
const list = (page: Partial<Parameters<typeof listAudit>[1]> = {}) =>
  listAudit(ledger.db, { before: null, limit: 100, ...page })

test('integers are kept to the digit, also those that JavaScript rounds', async () => {
  await write({ before: { bytes: 2n ** 63n - 1n, inner: { least: -(2n ** 63n) } }, after: { bytes: 7n } })
  const [row] = (await list()).items
  expect(JSON.stringify(row?.before)).toBe(
    '{"bytes":9223372036854775807,"inner":{"least":-9223372036854775808}}',
  )
  expect(row?.after).toEqual({ bytes: 7 })
})

test('the trail is read by account, by action and by time, page by page', async () => {
  const ana = await createAccount(ledger.db, 'ana')
  for (const action of ['hold.set', 'hold.released', 'hold.set'] as const) {
    await write({ adminId: ana, action })
  }
  await write({ action: 'key.created' })
  const all = (await list({ adminId: ana })).items
  expect(all.map(({ action }) => action)).toEqual(['hold.set', 'hold.released', 'hold.set'])
  expect((await list({ adminId: ana, actions: ['hold.released'] })).items).toEqual([all[1]])
  const first = await list({ adminId: ana, limit: 2 })
  expect(first).toEqual({ items: all.slice(0, 2), next: all[1]?.id })
  expect(await list({ adminId: ana, limit: 2, before: first.next })).toEqual({
    items: all.slice(2),
    next: null,
  })
  const [last, , oldest] = all
  expect((await list({ adminId: ana, to: new Date(0) })).items).toEqual([])
  expect((await list({ adminId: ana, from: new Date((last?.at.getTime() ?? 0) + 1) })).items).toEqual([])
  expect((await list({ adminId: ana, from: new Date((oldest?.at.getTime() ?? 0) - 1) })).items).toHaveLength(
    3,
  )
})
