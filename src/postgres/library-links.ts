import { readFile, symlink } from 'node:fs/promises'
import path from 'node:path'

type Link = { source: string; target: string }

/**
 * Makes the links between library versions, which an npm archive can't carry. The package's install script made them
 * already, unless scripts were switched off. Links that are there stay; what can't be written is left to whoever needs it.
 *
 * @param native the packaged folder, which lists its links.
 * @param into where to make them: that folder or a copy of it.
 */
export async function linkLibraries(native: string, into: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as Link[]) {
    const link = path.join(into, path.relative('native', target))
    await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined)
  }
}
