import { access, lchown, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import type { Cluster } from './layout.ts'
import { acquireLease } from './lease.ts'
import type { OsAccount } from './own-account.ts'
import { findPostmaster, stopPostmaster } from './postmaster.ts'

/** Only scram: another program of the former account may have written anything there. */
const hba = `local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
`

/**
 * Gives a cluster that belongs to `owner` to the account that PostgreSQL runs as now. First it ends a server that still runs
 * as `owner`, unless another service uses it. After a crash the next start repeats it: the mark that it leaves says so.
 *
 * @throws `data_dir_in_use`; `config_invalid` for what cannot be given away safely.
 */
export async function takeOver(
  cluster: Omit<Cluster, 'osAccount'>,
  owner: OsAccount,
  osAccount: OsAccount,
  now: () => number,
): Promise<void> {
  const { home, data } = cluster
  if ((await findPostmaster(data, now)).state === 'running') {
    const lease = await acquireLease({ ...cluster, osAccount: owner }, { settings: {}, now })
    await stopPostmaster(lease.pid, data)
    await lease.session.end().catch(() => undefined)
  }
  await (await open(markOf(home), 'w', 0o600)).close()
  await giveTo(data, osAccount)
  await writeHba(data, osAccount)
  await rm(markOf(home))
}

/** Whether a service was killed while it gave the cluster away. */
export async function isHalfTakenOver(home: string): Promise<boolean> {
  return access(markOf(home)).then(
    () => true,
    () => false,
  )
}

function markOf(home: string): string {
  return path.join(home, 'changing-owner')
}

/**
 * From the top down: once a folder is given away, its former owner can put nothing else into it, so what this reads from it
 * afterwards is what it gives away. It gives a link itself away, not the link's target.
 */
async function giveTo(file: string, osAccount: OsAccount): Promise<void> {
  const found = await lstat(file)
  // It may be another user's file, which would be given away too.
  if (found.isFile() && found.nlink > 1) {
    throw new LedgerError(
      'config_invalid',
      `${file} has a second name elsewhere, and is not given to another account. Copy DATA_DIR and use the copy.`,
      { field: 'DATA_DIR' },
    )
  }
  await lchown(file, osAccount.uid, osAccount.gid)
  if (!found.isDirectory()) return
  for (const name of await readdir(file)) await giveTo(path.join(file, name), osAccount)
}

async function writeHba(data: string, osAccount: OsAccount): Promise<void> {
  const file = path.join(data, 'pg_hba.conf')
  // The former account may have left a link there, or a killed start the file.
  await rm(`${file}.new`, { force: true })
  const handle = await open(`${file}.new`, 'wx', 0o600)
  await handle.writeFile(hba)
  await handle.chown(osAccount.uid, osAccount.gid)
  await handle.sync()
  await handle.close()
  await rename(`${file}.new`, file)
}
