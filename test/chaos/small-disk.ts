import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

/** Room for a cluster and its write-ahead log, and little enough to be filled in no time: it takes memory. */
const size = '256m'
const mount = `mount -t tmpfs -o size=${size},mode=0711 chaos "$0" && exec`

/**
 * Runs `command` in a mount namespace of its own, in which the directory named by its environment's SMALL_DISK is a small
 * file system. It vanishes with the last process in it, however that ends. A normal user becomes root of a user namespace,
 * which lets it mount, and in a second one within is itself again: PostgreSQL does not run as root.
 *
 * @returns the exit code; null: this machine does not let us mount.
 */
export async function runOnSmallDisk(command: string[]): Promise<number | null> {
  const place = mkdtempSync(path.join(os.tmpdir(), 'marzban-ledger-chaos-disk-'))
  chmodSync(place, 0o711)
  const within = (args: string[]) => [...namespaces(place), ...args]
  if (spawnSync('unshare', within(['true']), { stdio: 'ignore' }).status !== 0) {
    rmdirSync(place)
    return null
  }
  const child = spawn('unshare', within(command), {
    stdio: 'inherit',
    env: { ...process.env, SMALL_DISK: place },
  })
  // The terminal tells both; whoever ends this one means that one.
  process.on('SIGINT', () => {}).on('SIGTERM', (signal) => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  // Without its directory the file system is gone, and one that was killed has left something to tidy up in it.
  if (code !== null) rmdirSync(place)
  return code ?? 1
}

function namespaces(place: string): string[] {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  if (uid === 0) return ['--mount', 'sh', '-c', `${mount} "$@"`, place]
  const again = `${mount} unshare --user --map-user=${uid} --map-group=${gid} "$@"`
  return ['--user', '--map-root-user', '--mount', 'sh', '-c', again, place]
}

/** Fills the file system of `directory` to its last byte. */
export async function fill(directory: string): Promise<{ free(): Promise<void> }> {
  const file = path.join(directory, 'filler')
  const handle = await open(file, 'w')
  for (const bytes of [1024 * 1024, 4096]) {
    const block = Buffer.alloc(bytes)
    while (await handle.write(block).then(whole(bytes), refuseUnlessFull)) {
      // Until nothing goes in any more.
    }
  }
  await handle.close()
  return { free: () => rm(file) }
}

const whole =
  (bytes: number) =>
  ({ bytesWritten }: { bytesWritten: number }): boolean =>
    bytesWritten === bytes

function refuseUnlessFull(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ENOSPC') throw error
  return false
}
