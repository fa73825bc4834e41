import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { PanelClient } from '../../../src/panel/panel.ts'
import { createPageSize } from '../../../src/work/observing/page-size.ts'
import { readUsers } from '../../../src/work/observing/read-user-pages.ts'
import { useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const place = useDeleting()

const lags = { panelMs: 10, ledgerMs: 11 }
const keepsUp = { panelMs: 11, ledgerMs: 11 }

test('more users are asked for at once, up to eight times the usual number, while the ledger lags', () => {
  const size = createPageSize(100)
  const sizes = [lags, lags, lags, lags, keepsUp, keepsUp, keepsUp, keepsUp, lags].map((took) => {
    size.stored(took)
    return size.users
  })
  expect(sizes).toEqual([200, 400, 800, 800, 400, 200, 100, 100, 200])
})

test('a panel that takes long is not asked for more at once, however long the ledger takes', () => {
  const size = createPageSize(100)
  size.stored({ panelMs: 251, ledgerMs: 60_000 })
  expect(size.users).toBe(100)
  size.stored({ panelMs: 250, ledgerMs: 60_000 })
  expect(size.users).toBe(200)
})

test('after a page that failed as a whole, no more than usual are asked for', () => {
  const size = createPageSize(100)
  size.stored(lags)
  size.failed()
  size.stored(lags)
  expect(size.users).toBe(100)
})

/** Reads 30 users of a new admin in pages of 4. Returns how many were asked for each time, and how many transactions stored them. */
async function readThirty(admin: string, took: { panelMs: number; ledgerMs: number }) {
  const { state } = place.panel
  state.createAdmin(admin)
  for (let index = 0; index < 30; index += 1) state.createUser(`${admin}_${index}`, { admin, lifetime: 10n })
  let clock = 0
  const limits: (number | undefined)[] = []
  const users: PanelClient['users'] = async (filter, options) => {
    limits.push(filter.limit)
    clock += took.panelMs
    return place.client.users(filter, options)
  }
  const newsOf: NonNullable<Parameters<typeof readUsers>[1]['newsOf']> = async (page) => {
    clock += took.ledgerMs
    return page
  }
  const deps = {
    ...workOf(place),
    panel: { ...place.client, users },
    rest: async () => {},
    now: () => clock,
    pageSize: 4,
  }
  const { done } = await readUsers(deps, { admin, newsOf }, () => [])
  expect(done).toBe(30)
  const { id, total } = await accountOf(place.db, admin)
  expect(total).toBe(300n)
  const { rows } = await sql<{ transactions: bigint }>`
    select count(distinct xmin::text) as transactions from tenures where admin_id = ${id}`.execute(place.db)
  return { limits, transactions: rows[0]?.transactions }
}

test('while the ledger lags behind the panel, it stores more users in one transaction', async () => {
  expect(await readThirty('fast', keepsUp)).toEqual({ limits: Array(10).fill(4), transactions: 10n })
  expect(await readThirty('slow', lags)).toEqual({ limits: [4, 8, 16, 32], transactions: 4n })
})
