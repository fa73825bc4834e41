import { sql } from 'kysely'
import { expect, inject, it } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'

async function settingsOf(url: string): Promise<Record<string, string>> {
  const db = openDatabase({ url, max: 1 })
  try {
    const { rows } = await sql<Record<string, string>>`
      select current_setting('synchronous_commit') as commit, current_setting('timezone') as zone,
        current_setting('work_mem') as work_mem`.execute(db)
    return rows[0] ?? {}
  } finally {
    await db.destroy()
  }
}

it('waits for commits to be on the disk, on a server too that does not by itself', async () => {
  const { url } = inject('postgres')
  expect(await settingsOf(url)).toMatchObject({ commit: 'on', zone: 'UTC' })
})

it('does so whatever options its address brings along, and takes those as well', async () => {
  const url = new URL(inject('postgres').url)
  url.searchParams.set('options', '-c work_mem=1MB -c synchronous_commit=off')
  expect(await settingsOf(url.href)).toEqual({ commit: 'on', zone: 'UTC', work_mem: '1MB' })
})
