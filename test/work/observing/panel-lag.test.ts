import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { drawAsked } from '../../../src/store/connection/logical-clock.ts'
import { pollAdmins } from '../../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../../src/work/observing/panel-lag.ts'
import { scanAdmin } from '../../../src/work/observing/scan-admin.ts'
import { unhurried, useDeleting, workOf } from '../../support/deleting.ts'
import { accountOf } from '../../support/ledger.ts'

const place = useDeleting()

test.each([
  ['forward', '-1 hour'],
  ['back', '1 hour'],
])('is waited for although the clock jumps an hour %s', async (direction, shift) => {
  const admin = `admin_${direction}`
  place.panel.state.createAdmin(admin)
  place.panel.state.createUser(direction, { admin })
  const observing = { db: place.db, panel: place.client, panelLag: createPanelLag(30_000) }
  const poll = async () => pollAdmins(observing, await drawAsked(place.db))
  await poll()
  place.panel.state.accrueUser(direction, 100)
  const due = {
    adminId: (await accountOf(place.db, admin)).id,
    username: admin,
    panelReading: null,
    usersTotal: null,
  }
  await scanAdmin({ ...workOf(place), ...unhurried }, due)
  // What the clock said before seems to lie an hour off.
  await sql`update cumulative_traffic set snapshot_at = snapshot_at + ${shift}::interval where admin_id = ${due.adminId}`.execute(
    place.db,
  )
  await poll()
  place.panel.state.bookAdmins()
  await poll()
  expect((await accountOf(place.db, admin)).total).toBe(100n)
})
