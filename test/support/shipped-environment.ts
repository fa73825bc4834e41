import { readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')

/** The variables that a script of package.json sets for the service: what the C library does with freed memory. */
export function shippedEnvironment(script: 'start' | 'start:built'): Record<string, string> {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const assignments = String(scripts[script]).matchAll(/(\b[A-Z_]+)=(\S+)/g)
  return Object.fromEntries([...assignments].map(([, name = '', value = '']) => [name, value]))
}
