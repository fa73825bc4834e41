import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { lockAccounts } from '../../../src/store/accounts/accounts.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { insertAdminDeletion } from '../../../src/store/deletions/deletions.ts'
import { closeDeletedAdmin } from '../../../src/work/deleting/close-admin.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { pollAndScan, useDeleting } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'
import { keepOpen, untilWaiting } from '../../support/locks.ts'

const place = useDeleting()
let db: Database
const name = 'moved'

beforeAll(async () => {
  // Whoever waits for a deadlock to be found waits longer than a test.
  await sql
    .raw(`alter database ${new URL(place.url).pathname.slice(1)} set deadlock_timeout = '60s'`)
    .execute(place.db)
  db = openDatabase({ url: place.url })
})
afterAll(() => db.destroy())
beforeEach(async () => {
  place.panel.state.createAdmin('ada')
  place.panel.state.createUser(name, { admin: 'ada', lifetime: 100n })
  await pollAndScan(place)
})

const poll = async () =>
  pollAdmins({ db, panel: place.client, panelLag: createPanelLag(0) }, await drawAsked(db))

test('a poll and a page that both open an account wait for each other in one order', async () => {
  const { id } = await accountOf(db, 'ada')
  const holding = await keepOpen(db, (tx) => lockAccounts(tx, [id]))
  place.panel.state.mustFind(name).owner = place.panel.state.createAdmin('new')
  const asked = await drawAsked(db)
  const moved = await place.client.user(name)
  if (!moved) throw new Error('no user')
  const observing = observeUsers(db, asked, [moved])
  await untilWaiting(place.db, 1)
  const polling = poll()
  await untilWaiting(place.db, 2)
  await Promise.all([holding.commit(), observing, polling])
  expect((await accountOf(db, 'new')).username).toBe('new')
})

test('a poll that sees an admin again, and the closing of its account, wait for each other in one order', async () => {
  const { id } = await accountOf(db, 'ada')
  const receipt = await insertAdminDeletion(db, {
    adminId: id,
    requestedBy: 'operator',
    worker: await place.worker.id(),
    finalReading: 0n,
  })
  place.panel.state.deleteAdmin('ada')
  await poll()
  const gone = await drawAsked(db)
  place.panel.state.createAdmin('ada')
  const holding = await keepOpen(db, (tx) => lockAccounts(tx, [id]))
  const polling = poll()
  await untilWaiting(place.db, 1)
  const closing = closeDeletedAdmin(db, receipt, gone)
  await untilWaiting(place.db, 2)
  await Promise.all([holding.commit(), polling, closing])
  expect(await closing).toMatchObject({ state: 'deleted' })
})
