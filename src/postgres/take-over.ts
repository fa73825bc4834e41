import { access, lchown, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import type { Cluster } from './layout.ts'
import { takeSeat } from './lease.ts'
import type { Account } from './own-account.ts'
import { findPostmaster, stopPostmaster } from './postmaster.ts'

/** Only scram: whoever shared the account may have written anything there. */
const hba = `local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
`

/**
 * Gives a cluster that belongs to `owner` to the account that PostgreSQL runs as now. A server that still runs as `owner` is
 * ended first, unless another service uses it. Repeated after a crash, since the mark that it leaves says so.
 *
 * @throws `data_dir_in_use`; `config_invalid` for what cannot be given away safely.
 */
export async function takeOver(
  cluster: Omit<Cluster, 'account'>,
  owner: Account,
  account: Account,
): Promise<void> {
  const { home, data } = cluster
  if ((await findPostmaster(data)).state === 'running') {
    const seat = await takeSeat({ ...cluster, account: owner }, { settings: {} })
    await stopPostmaster(seat.pid, data)
    await seat.session.end().catch(() => undefined)
  }
  await (await open(markOf(home), 'w', 0o600)).close()
  await giveTo(data, account)
  await writeHba(data, account)
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
 * From the top down: once a folder is given away, nobody of its former owner can put something else into it, so what is
 * read from it afterwards is what is given away. Links are given themselves, not what they lead to.
 */
async function giveTo(file: string, account: Account): Promise<void> {
  const found = await lstat(file)
  // A second name of somebody's file: it would be given away with it.
  if (found.isFile() && found.nlink > 1) {
    throw new LedgerError(
      'config_invalid',
      `${file} has a second name elsewhere, and is not given to another account. Copy DATA_DIR and use the copy.`,
      { field: 'DATA_DIR' },
    )
  }
  await lchown(file, account.uid, account.gid)
  if (!found.isDirectory()) return
  for (const name of await readdir(file)) await giveTo(path.join(file, name), account)
}

async function writeHba(data: string, account: Account): Promise<void> {
  const file = path.join(data, 'pg_hba.conf')
  const handle = await open(`${file}.new`, 'w', 0o600)
  await handle.writeFile(hba)
  await handle.chown(account.uid, account.gid)
  await handle.sync()
  await handle.close()
  await rename(`${file}.new`, file)
}
