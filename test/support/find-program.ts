import { existsSync } from 'node:fs'
import path from 'node:path'

/** Where a program is: in a folder where Debian puts it, or in one of the PATH; null: this machine has none. */
export function findProgram(name: string): string | null {
  const folders = ['/usr/bin', '/usr/sbin', ...(process.env.PATH ?? '').split(path.delimiter)]
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null
}
