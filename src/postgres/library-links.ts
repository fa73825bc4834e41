import { readFile, symlink } from 'node:fs/promises'
import path from 'node:path'

type Link = { source: string; target: string }

/**
 * Makes the links between library versions: an npm archive can't carry links. The package's install script makes them as
 * well, unless scripts are switched off. Existing links stay. A link that cannot be made is left out: the test run shows it.
 *
 * @param native the packaged folder; it lists its links.
 * @param into where to make them: that folder or a copy of it.
 */
export async function linkLibraries(native: string, into: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as Link[]) {
    const link = path.join(into, path.relative('native', target))
    await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined)
  }
}
