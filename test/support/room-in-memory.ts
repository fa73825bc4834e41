import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** Where Linux keeps files in memory. */
const memory = '/dev/shm'
/** The databases of a run never need half of it. */
const enoughBytes = 3 * 1024 ** 3

/**
 * The directory for files in memory; undefined: this machine has none, or little room in it, or runs no programs there. A
 * database consists of hundreds of files. To make and remove them costs the tests a third of their time on ext4, where who
 * makes a file looks through all those that were deleted in the last minutes.
 */
export async function roomInMemory(): Promise<string | undefined> {
  const room = await statfs(memory).catch(() => undefined)
  if (!room || room.bavail * room.bsize < enoughBytes) return undefined
  return (await runsPrograms(memory)) ? memory : undefined
}

async function runsPrograms(directory: string): Promise<boolean> {
  const place = await mkdtemp(path.join(directory, 'marzban-ledger-test-probe-'))
  const program = path.join(place, 'program')
  await writeFile(program, '#!/bin/sh\n', { mode: 0o700 })
  const runs = await promisify(execFile)(program).then(
    () => true,
    () => false,
  )
  await rm(place, { recursive: true })
  return runs
}
