import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { findAccount } from '../../../src/store/accounts/queries.ts'
import { type Asked, drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { insertAdminDeletion } from '../../../src/store/deletions/deletions.ts'
import { closeDeletedAdmin } from '../../../src/work/deleting/close-admin.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { pollAndScan, useDeleting } from '../../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../../support/ledger.ts'
import { keepOpen, untilWaiting } from '../../support/locks.ts'

const place = useDeleting()
let adminId: bigint

beforeEach(async () => {
  place.panel.state.createAdmin('ada')
  place.panel.state.createUser('one', { admin: 'ada', lifetime: 100n })
  await pollAndScan(place)
  adminId = (await accountOf(place.db, 'ada')).id
})

/** What the panel says of its users before the admin is deleted; `store` has it stored. */
async function readEarly() {
  place.panel.state.createUser('two', { admin: 'ada', lifetime: 7n })
  const asked = await drawAsked(place.db)
  const shown = [await place.client.user('one'), await place.client.user('two')].flatMap((user) => user ?? [])
  expect(shown).toHaveLength(2)
  return { store: () => observeUsers(place.db, asked, shown) }
}

/** Deletes the admin in the panel. Returns a tick from when it is gone. */
async function deleteInPanel(): Promise<Asked> {
  place.panel.state.deleteAdmin('ada')
  return drawAsked(place.db)
}

async function close(gone: Asked): Promise<void> {
  const worker = await place.worker.id()
  const request = { adminId, requestedBy: 'operator', worker, finalReading: 0n }
  await closeDeletedAdmin(place.db, await insertAdminDeletion(place.db, request), gone)
}

const currentUsers = () =>
  place.db
    .selectFrom('tenures')
    .select('username')
    .where('admin_id', '=', adminId)
    .where('ended_at', 'is', null)
    .execute()

test('an answer from before an admin was deleted, which waits while its account is closed, leaves no current user in it', async () => {
  const early = await readEarly()
  const gone = await deleteInPanel()
  const holding = await keepOpen(place.db, (tx) =>
    sql`select from tenures where username = 'one' for no key update`.execute(tx),
  )
  const closing = close(gone)
  await untilWaiting(place.db, 1)
  const observing = early.store()
  await untilWaiting(place.db, 2)
  await Promise.all([holding.commit(), closing, observing])
  expect(await currentUsers()).toEqual([])
})

test('an answer from before an admin was deleted, which is stored before its account is closed, keeps no user in it', async () => {
  const early = await readEarly()
  const gone = await deleteInPanel()
  expect(await early.store()).toMatchObject({ dropped: [] })
  await close(gone)
  expect(await currentUsers()).toEqual([])
})

test('an admin that is created anew and read before the account of the old one is closed gets an account of its own', async () => {
  place.panel.state.accrue('one', 50)
  await pollAndScan(place)
  const old = await accountOf(place.db, 'ada')
  const gone = await deleteInPanel()
  place.panel.state.createAdmin('ada')
  place.panel.state.createUser('anew', { admin: 'ada' })
  await pollAndScan(place)
  expect((await accountOf(place.db, 'ada')).id).toBe(adminId)
  await close(gone)
  await pollAndScan(place)
  place.panel.state.accrue('anew', 30)
  await pollAndScan(place)
  const anew = await accountOf(place.db, 'ada')
  expect([anew.id === adminId, anew.total, (await findAccount(place.db, adminId))?.total]).toEqual([
    false,
    30n,
    old.total,
  ])
  expect(await inconsistentAccounts(place.db)).toEqual([])
})
