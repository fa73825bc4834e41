/**
 * `npm run bench -- [--only NAME[,NAME] | --scale] [--json] [--quick]`: measures what the service promises, each figure against another of
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
import { benchScale } from './scale.ts'
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

const usage = `npm run bench -- [--only PART[,PART] | --scale] [--json] [--quick]
  --only   only these parts: ${Object.keys(parts).join(', ')}
  --scale  a million users of 5,000 admins, with a year of history, and nothing else: it takes a quarter of an hour and 6 GB of disk
  --json   JSON in place of a table
  --quick  shows only that all parts work; the figures mean nothing`

const values = readOptions()
if (values.help) {
  console.log(usage)
  process.exit()
}
if (values.scale && values.only !== undefined) {
  console.error(`--scale runs alone. Leave out --only.\n${usage}`)
  process.exit(2)
}
const names = values.only?.split(',') ?? Object.keys(parts)
const unknown = names.filter((name) => !parts[name])
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}; the parts are ${Object.keys(parts).join(', ')}.`)
  process.exit(2)
}

function readOptions() {
  try {
    const flag = { type: 'boolean' } as const
    return parseArgs({
      options: { only: { type: 'string' }, scale: flag, json: flag, quick: flag, help: flag },
    }).values
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`)
    process.exit(2)
  }
}

const place = await openPlace({
  quick: values.quick ?? false,
  say: (what) => console.error(`... ${what}`),
})
const lines: Line[] = []
try {
  const asked = values.scale ? [benchScale] : names.flatMap((name) => parts[name] ?? [])
  for (const measure of asked) lines.push(...(await measure(place)))
} finally {
  await place.close()
}
console.log(printable(lines, values.json ?? false))
process.exitCode = lines.every(isMet) ? 0 : 1
