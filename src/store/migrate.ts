import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Migration, Migrator } from 'kysely/migration'
import type { Database } from './database.ts'

const folder = path.join(import.meta.dirname, '../../db/migrations')

/** Brings the database to the newest schema; concurrent starts wait for each other. Returns the steps applied. */
export async function migrateToLatest(db: Database): Promise<string[]> {
  const { error, results = [] } = await migrator(db).migrateToLatest()
  if (error) throw error
  return results.map((result) => result.migrationName)
}

/** Undoes every migration: the way back that each one has to have. */
export async function migrateToNothing(db: Database): Promise<void> {
  const names = Object.keys(await migrations())
  for (const _ of names) {
    const { error } = await migrator(db).migrateDown()
    if (error) throw error
  }
}

/** Whether all migrations of this version have been applied. */
export async function isMigrated(db: Database): Promise<boolean> {
  const steps = await migrator(db).getMigrations()
  return steps.every((step) => step.executedAt !== undefined)
}

function migrator(db: Database): Migrator {
  return new Migrator({ db, provider: { getMigrations: migrations } })
}

async function migrations(): Promise<Record<string, Migration>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts'))
  const loaded = files.map(
    async (file): Promise<[string, Migration]> => [
      path.basename(file, '.ts'),
      (await import(pathToFileURL(path.join(folder, file)).href)) as Migration,
    ],
  )
  return Object.fromEntries(await Promise.all(loaded))
}
