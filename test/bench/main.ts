/**
 * `npm run bench -- [--only NAME[,NAME]] [--json] [--quick]`: measures what the service promises, each figure against another of
 * the same run where machines differ. Exits with 1 when a limit is not met.
 */
import { parseArgs } from 'node:util'
import { benchAgainstPanel } from './against-panel.ts'
import { benchDeletion } from './deletion.ts'
import { benchFront } from './front.ts'
import type { Bench, Line } from './line.ts'
import { isMet, printable } from './line.ts'
import { benchMemory } from './memory.ts'
import { benchObserving } from './observing.ts'
import { openPlace } from './place.ts'
import { benchStart } from './start.ts'
import { benchStats } from './stats.ts'

const parts: Record<string, (bench: Bench) => Promise<Line[]>> = {
  stats: benchStats,
  panel: benchAgainstPanel,
  observing: benchObserving,
  memory: benchMemory,
  start: benchStart,
  deletion: benchDeletion,
  front: benchFront,
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, json: { type: 'boolean' }, quick: { type: 'boolean' } },
})
const names = values.only?.split(',') ?? Object.keys(parts)
const unknown = names.filter((name) => !parts[name])
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}; the parts are ${Object.keys(parts).join(', ')}.`)
  process.exit(2)
}
const place = await openPlace({
  quick: values.quick ?? false,
  say: (what) => console.error(`... ${what}`),
})
const lines: Line[] = []
try {
  for (const name of names) lines.push(...((await parts[name]?.(place)) ?? []))
} finally {
  await place.close()
}
console.log(printable(lines, values.json ?? false))
process.exitCode = lines.every(isMet) ? 0 : 1
