import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { lockAccounts } from '../../../src/store/accounts/accounts.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { transact } from '../../../src/store/connection/transact.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { observeUsers } from '../../../src/work/observing/observe-users.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { pollAndScan, useDeleting } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'
import { until } from '../../support/until.ts'

const place = useDeleting()

test('a poll and a page that both open an account wait for each other in one order', async () => {
  const name = 'moved'
  place.panel.state.createAdmin('ada')
  place.panel.state.createUser(name, { admin: 'ada', lifetime: 100n })
  await pollAndScan(place)
  // Whoever waits for a deadlock to be found waits longer than this test.
  await sql
    .raw(`alter database ${new URL(place.url).pathname.slice(1)} set deadlock_timeout = '60s'`)
    .execute(place.db)
  const db = openDatabase({ url: place.url })
  const { id } = await accountOf(db, 'ada')
  const [locked, mayGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = transact(db, async (tx) => {
    await lockAccounts(tx, [id])
    locked.resolve()
    await mayGo.promise
  })
  await locked.promise
  const untilWaiting = (sessions: number) =>
    until(`${sessions} sessions wait for a lock`, async () => {
      const { rows } = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        place.db,
      )
      return rows.length === sessions
    })
  place.panel.state.mustFind(name).owner = place.panel.state.createAdmin('new')
  const asked = await drawAsked(db)
  const moved = await place.client.user(name)
  if (!moved) throw new Error('no user')
  const observing = observeUsers(db, asked, [moved])
  await untilWaiting(1)
  const polling = drawAsked(db).then((tick) =>
    pollAdmins({ db, panel: place.client, panelLag: createPanelLag(0) }, tick),
  )
  await untilWaiting(2)
  mayGo.resolve()
  await Promise.all([holding, observing, polling])
  expect((await accountOf(db, 'new')).username).toBe('new')
  await db.destroy()
})
