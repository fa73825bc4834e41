/**
 * `npm run load -- [--seconds N] [--clients N] [--json]`: the real service under clients that read stats and delete users
 * while it scans a panel. Exits with 1 when a limit is not met.
 */
import { parseArgs } from 'node:util'
import { isMet, printable } from '../bench/line.ts'
import { runLoad } from './run.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
})
const [seconds, clients] = [Number(values.seconds), Number(values.clients)]
if (!(seconds >= 3 && clients >= 10)) {
  console.error('At least 3 seconds and 10 clients are needed.')
  process.exit(2)
}
const lines = await runLoad({ seconds, clients, say: (what) => console.error(`... ${what}`) })
console.log(printable(lines, values.json))
process.exitCode = lines.every(isMet) ? 0 : 1
