import { globSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ledgerTables } from '../../../scripts/ledger-tables.ts'
import { restoreBackup } from '../../../scripts/restore-backup.ts'
import { writeBackup } from '../../../scripts/write-backup.ts'
import { type Database, openDatabase } from '../../../src/store/connection/database.ts'
import { migrateTo, migrateToLatest } from '../../../src/store/connection/migrate.ts'
import { type Contents, contentsOf, empty, heldBy } from '../../support/contents.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { inconsistentAccounts } from '../../support/ledger.ts'
import { startLivedIn } from '../../support/lived-in.ts'

/**
 * A backup of each released schema, named by its last migration. When a release adds migrations, add one of it:
 * `FIXTURE=0012-holds npx vitest run test/store/connection/upgrade.test.ts`.
 */
const folder = path.join(import.meta.dirname, 'fixtures')
const releases = globSync('*.backup', { cwd: folder }).sort()

test.runIf(process.env.FIXTURE)('writes the backup of this release', async () => {
  const service = await startLivedIn()
  const file = path.join(folder, `${process.env.FIXTURE}.backup`)
  await rm(file, { force: true })
  await writeBackup(service.db, file)
  await service.close()
})

test('there is a backup of a released schema', () => expect(releases).not.toEqual([]))

describe.each(releases)('the database of %s', (release) => {
  let database: TestDatabase
  let db: Database

  beforeAll(async () => {
    database = await createTestDatabase()
    db = openDatabase({ url: database.url })
    await empty(db)
    await restoreBackup(db, path.join(folder, release))
  })
  afterAll(async () => {
    await db.destroy()
    await database.drop()
  })

  const stepsNow = async () => {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
    return rows.map(({ name }) => name)
  }
  const schemaNow = async () =>
    Object.fromEntries((await ledgerTables(db)).map(({ name, columns }) => [name, columns]))

  test('is migrated up: no total and no user changes, and the parts add up', async () => {
    expect(await stepsNow()).toContain(release.replace('.backup', ''))
    const before = await contentsOf(db)
    expect(before.cumulative_traffic?.length).toBeGreaterThanOrEqual(5)
    expect(before.tenures?.length).toBeGreaterThanOrEqual(15)
    const schema = await schemaNow()
    await migrateToLatest(db)
    const newest = await contentsOf(db)
    expect(heldBy(newest, schema).cumulative_traffic).toEqual(heldBy(before, schema).cumulative_traffic)
    expect(heldBy(newest, schema).tenures).toEqual(heldBy(before, schema).tenures)
    expect(await inconsistentAccounts(db)).toEqual([])
  })

  test('goes back, step by step, and keeps on each step all that its schema can hold, also when it comes up again', async () => {
    const steps = await stepsNow()
    for (let kept = steps.length - 1; kept > 0; kept -= 1) {
      const newest = await contentsOf(db)
      await migrateTo(db, steps.slice(0, kept))
      const schema = await schemaNow()
      const older = await contentsOf(db)
      expect(lasting(heldBy(older, schemaOf(newest))), steps[kept - 1]).toEqual(
        lasting(heldBy(newest, schema)),
      )
      await migrateToLatest(db)
      const again = heldBy(await contentsOf(db), schema)
      expect(lasting(again), `up from ${steps[kept - 1]}`).toEqual(lasting(heldBy(older, schemaOf(newest))))
      expect(await inconsistentAccounts(db)).toEqual([])
    }
  })

  test('goes down to nothing, and a new ledger can begin', async () => {
    await migrateTo(db, [])
    expect(await ledgerTables(db)).toEqual([])
    await migrateToLatest(db)
    expect((await contentsOf(db)).tenures).toEqual([])
  })
})

function schemaOf(contents: Contents): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(contents).map(([name, rows]) => [name, Object.keys(rows[0] ?? {})]),
  )
}

/** Without what an older schema cannot hold: once a limit could only notify, and a receipt was never unknown, but failed. */
function lasting({ limits, deletions, ...others }: Contents): Contents {
  return {
    ...others,
    ...(limits && { limits: limits.map(({ on_exceed: _, ...limit }) => limit) }),
    ...(deletions && {
      deletions: deletions.map((receipt) =>
        receipt.state === 'unknown' || receipt.state === 'failed'
          ? { ...receipt, state: 'not deleted', finished_at: '' }
          : receipt,
      ),
    }),
  }
}
