import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'
import { drawAsked } from '../../src/store/connection/logical-clock.ts'
import { inconsistentAccounts } from '../support/stored-sums.ts'
import { until } from '../support/until.ts'
import type { Journal } from './journal.ts'
import type { Scene } from './scene.ts'
import type { Totals } from './totals.ts'

/** After one poll and one scan, with nothing going wrong and nobody consuming, the totals are the truth. */
export async function comeToRest(scene: Scene, totals: Totals, journal: Journal): Promise<void> {
  const { stage } = scene
  await stage.panel.book()
  await stage.withDatabase(async (db) => {
    await pollAndScan(scene, db)
    await totals.atRest()
    const inconsistent = await inconsistentAccounts(db)
    if (inconsistent.length > 0) journal.fault(`sums are not what they add up to: ${show(inconsistent)}`)
    const { users, admins } = await underWay(db)
    await stage.panel.release(users, admins)
  })
  await scene.rested()
}

async function pollAndScan(scene: Scene, db: Database): Promise<void> {
  const { tick, at } = await drawAsked(db)
  await until('a sync is accepted', async () => (await scene.call('POST', '/sync')).outcome === '202')
  await until('everything is polled and scanned', async () => {
    // What was noted before a clock was set back lies in the future.
    const { rows } = await sql<{ left: bigint }>`
      select (select count(*) from panel_poll where asked_tick < ${tick} or error is not null)
        + (select count(*) from scans join admins on admins.id = admin_id
          where closed_at is null and (error is not null
            or started_at is null or started_at not between ${at} and clock_timestamp()
            or finished_at is null or finished_at not between started_at and clock_timestamp())
        ) as left`.execute(db)
    return rows[0]?.left === 0n
  })
}

/** Whose deletion may still be carried out. */
async function underWay(db: Database): Promise<{ users: string[]; admins: string[] }> {
  const rows = await db
    .selectFrom('deletions')
    .leftJoin('admins', 'admins.id', 'deletions.admin_id')
    .select(['kind', 'deletions.username as user', 'admins.username as admin'])
    .where('finished_at', 'is', null)
    .execute()
  return {
    users: rows.flatMap(({ user }) => user ?? []),
    admins: rows.flatMap(({ kind, admin }) => (kind === 'user' ? [] : (admin ?? []))),
  }
}

/** A value in a message. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}
