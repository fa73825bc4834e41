import { createHash } from 'node:crypto'
import { lstatSync, type Stats } from 'node:fs'
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
} from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { linkLibraries } from './library-links.ts'

/** Places for a copy, best first: only root can write there, it survives a reboot, and it is seldom mounted noexec. */
const places = ['/var/cache', '/var/tmp', os.tmpdir()]

/**
 * Copies PostgreSQL's programs to where every account can execute them; only root calls this. It uses a copy of an earlier
 * start again, when that is whole and only root can change it.
 *
 * @param native the packaged folder with `bin`, `lib` and `share`.
 * @param usable whether a copy works; if not, the next place is tried.
 * @returns the copy; undefined: it works in no place.
 */
export async function makeRootOwnedCopy(
  native: string,
  usable: (copy: string) => Promise<boolean>,
  parents: string[] = places,
): Promise<string | undefined> {
  const files = await listFiles(native)
  const name = await nameFor(native, files)
  for (const parent of parents) {
    // The file system may be read-only, full or missing: try the next place.
    const copy = await copyInto(parent, name, native, files).catch(() => undefined)
    if (copy !== undefined && (await usable(copy))) return copy
  }
  return undefined
}

type File = { name: string; size: number; executable: boolean }

async function listFiles(native: string): Promise<File[]> {
  const entries = await readdir(native, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      const { size, mode } = lstatSync(file)
      return { name: path.relative(native, file), size, executable: (mode & 0o111) !== 0 }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function nameFor(native: string, files: File[]): Promise<string> {
  const hash = createHash('sha256')
  hash.update(await readFile(path.join(native, '../package.json')).catch(() => ''))
  for (const { name, size } of files) hash.update(`${name}\0${size}\0`)
  return `marzban-ledger-postgres-${hash.digest('hex').slice(0, 16)}`
}

async function copyInto(
  parent: string,
  name: string,
  native: string,
  files: File[],
): Promise<string | undefined> {
  const place = await realpath(parent)
  if (!(await onlyRootCanReplaceIn(place))) return undefined
  const shared = path.join(place, name)
  if (isWholeAndOwnedByRoot(shared, files)) {
    await linkLibraries(native, shared)
    return shared
  }

  const own = await mkdtemp(`${shared}-`)
  try {
    await copyFiles(native, own, files)
    return await publish(own, shared)
  } catch (error) {
    await rm(own, { recursive: true, force: true })
    throw error
  }
}

/** Gives the copy its lasting name. When another user has a file of that name, the copy keeps its own. */
async function publish(own: string, shared: string): Promise<string> {
  const sitting = await lstat(shared).catch(() => undefined)
  if (sitting !== undefined && !isOwnedByRoot(sitting)) return own
  if (sitting !== undefined) {
    const broken = `${own}-replaced`
    await rename(shared, broken)
    await rm(broken, { recursive: true, force: true })
  }
  return rename(own, shared).then(
    () => shared,
    () => own,
  )
}

async function copyFiles(native: string, into: string, files: File[]): Promise<void> {
  // Sets the modes: under a umask of 077 npm installs files that only root can read.
  await chmod(into, 0o755)
  const folders = new Set(files.flatMap((file) => foldersOf(file.name)))
  for (const folder of folders) {
    await mkdir(path.join(into, folder))
    await chmod(path.join(into, folder), 0o755)
  }
  for (const file of files) {
    await copyFile(path.join(native, file.name), path.join(into, file.name))
    await chmod(path.join(into, file.name), file.executable ? 0o755 : 0o644)
  }
  await linkLibraries(native, into)
}

/** The folders above a file, outermost first: `a/b/c` gives `a`, `a/b`. */
function foldersOf(name: string): string[] {
  const parts = name.split(path.sep).slice(0, -1)
  return parts.map((_, depth) => parts.slice(0, depth + 1).join(path.sep))
}

/** Whether no file is missing (sweepers of temporary folders remove single files), and only root could change the copy. */
function isWholeAndOwnedByRoot(copy: string, files: File[]): boolean {
  const folders = new Set(['', ...files.flatMap((file) => foldersOf(file.name))])
  for (const folder of folders) {
    const found = lstatSync(path.join(copy, folder), { throwIfNoEntry: false })
    if (found?.isDirectory() !== true || !isOwnedByRoot(found)) return false
  }
  return files.every((file) => {
    const found = lstatSync(path.join(copy, file.name), { throwIfNoEntry: false })
    return found?.isFile() === true && found.size === file.size && isOwnedByRoot(found)
  })
}

function isOwnedByRoot(found: Stats): boolean {
  return found.uid === 0 && (found.mode & 0o022) === 0
}

/** Whether root owns every folder on the path, and no other user can replace anything in it. */
async function onlyRootCanReplaceIn(place: string): Promise<boolean> {
  for (let folder = place; ; folder = path.dirname(folder)) {
    const { uid, mode } = await lstat(folder)
    const sticky = (mode & 0o1000) !== 0
    if (uid !== 0 || ((mode & 0o022) !== 0 && !sticky)) return false
    if (folder === path.dirname(folder)) return true
  }
}
