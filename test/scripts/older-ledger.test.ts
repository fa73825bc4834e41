import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type RestoreOptions, restoreBackup } from '../../scripts/restore-backup.ts'
import { writeBackup } from '../../scripts/write-backup.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { openWorkerSession } from '../../src/store/connection/worker-session.ts'
import { findDeletion } from '../../src/store/deletions/deletions.ts'
import { operator } from '../../src/work/callers/caller.ts'
import { type BulkRequest, requestBulkDeletion } from '../../src/work/deleting/request-deletion.ts'
import { carryOut } from '../support/carry-out.ts'
import { empty } from '../support/contents.ts'
import { createTestDatabase } from '../support/database.ts'
import { pollAndScan, useDeleting, workOf } from '../support/deleting.ts'
import { accountOf, inconsistentAccounts } from '../support/ledger.ts'

/** The ledger of `backup`, in a database of its own, over the panel of `place`. */
async function olderLedger(
  place: ReturnType<typeof useDeleting>,
  backup: string,
  options?: RestoreOptions,
): Promise<typeof place> {
  const database = await createTestDatabase()
  const db = openDatabase({ url: database.url })
  const worker = openWorkerSession(database.url)
  onTestFinished(async () => {
    await worker.close()
    await db.destroy()
    await database.drop()
  })
  await empty(db)
  await restoreBackup(db, backup, options)
  return { ...place, db, url: database.url, worker }
}

describe.each(['0.7.0', '0.8.4'] as const)('yesterday’s ledger over today’s panel, Marzban %s', (release) => {
  const place = useDeleting({ release })
  const hasUsage = release === '0.8.4'

  test('finds again what docs/operating.md says, and no more than was consumed', async () => {
    const { state } = place.panel
    for (const name of ['ada', 'ben']) state.createAdmin(name)
    for (const name of ['stays', 'goes', 'reset', 'moves']) {
      state.createUser(name, { admin: 'ada' })
      state.accrue(name, 1_000)
    }
    await pollAndScan(place)
    const backup = path.join(await mkdtemp(path.join(tmpdir(), 'ledger-older-')), 'ledger.backup')
    onTestFinished(() => rm(path.dirname(backup), { recursive: true }))
    await writeBackup(place.db, backup)

    state.accrue('stays', 1)
    state.accrue('goes', 20)
    state.accrue('reset', 300)
    state.accrue('moves', 4_000)
    await pollAndScan(place)
    state.deleteUser('goes')
    state.resetUser('reset')
    state.setOwner('moves', 'ben')
    state.accrue('moves', 50_000)
    state.createUser('new', { admin: 'ben' })
    state.accrue('new', 600_000)
    await pollAndScan(place)

    const older = await olderLedger(place, backup)
    expect((await accountOf(older.db, 'ada')).total).toBe(4_000n)
    await pollAndScan(older)
    await pollAndScan(older)
    const [ada, ben] = [await accountOf(older.db, 'ada'), await accountOf(older.db, 'ben')]
    const kept = { ada: 4_000n + 1n + 300n, ben: 600_000n }
    // What only the counters of the admins still show.
    const unattributed = hasUsage ? { ada: 4_020n, ben: 50_000n } : { ada: 0n, ben: 0n }
    expect([ada.total, ben.total]).toEqual([kept.ada + unattributed.ada, kept.ben + unattributed.ben])
    expect([ada, ben].map(({ total, usersCounted }) => total - usersCounted)).toEqual([
      unattributed.ada,
      unattributed.ben,
    ])
    expect(await inconsistentAccounts(older.db)).toEqual([])

    // It goes on as any other.
    state.accrue('moves', 7)
    await pollAndScan(older)
    expect((await accountOf(older.db, 'ben')).total).toBe(kept.ben + unattributed.ben + 7n)
  })

  test.each([false, true])(
    'deletions that were under way go on, unless they are cancelled: %s',
    async (cancel) => {
      const { state } = place.panel
      for (const name of [`cyd_${cancel}`, `dan_${cancel}`]) state.createAdmin(name)
      state.createUser(`named_${cancel}`, { admin: `cyd_${cancel}` })
      state.createUser(`owned_${cancel}`, { admin: `dan_${cancel}` })
      await pollAndScan(place)
      const { id: wholeAdminId } = await accountOf(place.db, `dan_${cancel}`)
      const request = (bulk: BulkRequest) =>
        requestBulkDeletion({ db: place.db, panel: place.client }, operator, bulk, null)
      const bulks = [await request({ usernames: [`named_${cancel}`] }), await request({ wholeAdminId })]
      const backup = path.join(await mkdtemp(path.join(tmpdir(), 'ledger-older-')), 'ledger.backup')
      onTestFinished(() => rm(path.dirname(backup), { recursive: true }))
      await writeBackup(place.db, backup)

      for (const { id } of bulks) await carryOut(workOf(place), id)
      expect(state.admins.has(`dan_${cancel}`)).toBe(false)
      // A day later, others have these names.
      state.createAdmin(`dan_${cancel}`)
      state.createUser(`named_${cancel}`, { admin: `cyd_${cancel}` })
      state.createUser(`another_${cancel}`, { admin: `dan_${cancel}` })
      const older = await olderLedger(place, backup, { cancelDeletions: cancel })
      await pollAndScan(older)
      for (const { id } of bulks) await carryOut(workOf(older), id)

      const left = [`named_${cancel}`, `another_${cancel}`].map((name) => state.users.has(name))
      expect(left).toEqual([cancel, cancel])
      const receipts = await Promise.all(bulks.map(({ id }) => findDeletion(older.db, id)))
      expect(receipts.map((receipt) => receipt?.state)).toEqual(
        cancel ? ['cancelled', 'cancelled'] : ['deleted', 'deleted'],
      )
    },
  )
})
