import { sql } from 'kysely'
import { beforeEach } from 'vitest'
import { listUnreadable, type UnreadableEntry } from '../../src/store/collecting/unreadable-items.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { pollAdmins } from '../../src/work/observing/observe-admins.ts'
import { createPanelLag } from '../../src/work/observing/panel-lag.ts'
import { scanAdmin } from '../../src/work/observing/scan-admin.ts'
import { type Deleting, unhurried, useDeleting, workOf } from './deleting.ts'
import { accountOf, dueScanOf } from './ledger.ts'

/** An admin of its own for each test, whose odd users and counters are read. */
export type OddPanel = {
  place: Deleting
  admin: string
  /** What was found unreadable, as often as it is reported. */
  told: UnreadableEntry[]
  work: () => ReturnType<typeof workOf> & {
    rest: () => Promise<void>
    onUnreadable: (entry: UnreadableEntry) => void
  }
  poll(): ReturnType<typeof pollAdmins>
  scan(failingAt?: string[]): Promise<void>
  list(): Promise<Awaited<ReturnType<typeof listUnreadable>>['items']>
}

export function useOddPanel(): OddPanel {
  const place = useDeleting()
  let count = 0
  const onUnreadable = (entry: UnreadableEntry) => void odd.told.push(entry)
  const odd: OddPanel = {
    place,
    admin: '',
    told: [],
    work: () => ({ ...workOf(place), ...unhurried, onUnreadable }),
    poll: async () =>
      pollAdmins(
        { db: place.db, panel: place.client, panelLag: createPanelLag(0), onUnreadable },
        await drawAsked(place.db),
      ),
    scan: async (failingAt) => {
      const due = await dueScanOf(place.db, await accountOf(place.db, odd.admin))
      await scanAdmin(odd.work(), { ...due, ...(failingAt && { failingAt }) })
    },
    list: async () => (await listUnreadable(place.db, 100)).items,
  }
  beforeEach(async () => {
    count += 1
    odd.admin = `admin${count}`
    odd.told = []
    await sql`truncate unreadable_items`.execute(place.db)
    place.panel.state.createAdmin(odd.admin)
  })
  return odd
}
