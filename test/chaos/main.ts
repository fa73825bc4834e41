/**
 * `npm run chaos -- [--faults N] [--seed S]`: the service, its Postgres and a stand-in panel in processes of their own; traffic
 * and operations at random while so many faults happen. Exits with 1 when anything the ledger promises does not hold.
 */
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { Journal } from './journal.ts'
import { stateOf } from './leftovers.ts'
import { tableOf } from './report.ts'
import { show } from './rest.ts'
import { runChaos } from './run.ts'
import { runOnSmallDisk } from './small-disk.ts'
import { Stage } from './stage.ts'

const linesOnFailure = 200

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name} must be a whole number; it is ${value}`)
    process.exit(2)
  }
}
const [faults, seed] = [Number(values.faults), Number(values.seed)]
const again = ['--faults', values.faults, '--seed', values.seed]

const place = process.env.SMALL_DISK
const code =
  place === undefined ? await runOnSmallDisk([process.execPath, import.meta.filename, ...again]) : null
if (code === null && place === undefined) {
  console.log('The disk is not filled: that needs Linux, and the right to mount or to make user namespaces.')
}
process.exitCode = code ?? (await run())

async function run(): Promise<0 | 1> {
  console.log(`${faults} faults, seed ${seed}`)
  const journal = new Journal(console.log)
  const stage = await Stage.open(journal, place)
  const ending = closeWithGrace({ delay: 30_000, logger: false }, async ({ err }) => {
    if (err) console.error(err)
    await stage.close()
  })
  try {
    console.log(
      tableOf(await runChaos(stage, { faults, seed, fillsDisk: place !== undefined }, journal), journal),
    )
  } catch (error) {
    journal.note(show(await stateOf(stage).catch(String)))
    journal.fault(String(error))
  }
  ending.uninstall()
  await stage.close()
  if (journal.faults.length === 0) return 0
  console.error(`\n${journal.last(linesOnFailure)}\n\nWhat does not hold:`)
  for (const fault of journal.faults) console.error(`  ${fault}`)
  console.error(`Again with: npm run chaos -- ${again.join(' ')}`)
  return 1
}
