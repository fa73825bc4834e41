/** A service that does nothing but hold the embedded database: `node service.ts <dataDir>`, to be killed by tests. */
import { startEmbeddedPostgres } from '../../src/postgres/start.ts'

// Nor does it outlive the test that started it.
process.stdin.resume().once('end', () => process.exit())
const [dataDir = ''] = process.argv.slice(2)
const say = (...words: unknown[]) => void process.stderr.write(`${JSON.stringify(words)}\n`)
const log = { info: say, warn: say, error: say }
try {
  const { url } = await startEmbeddedPostgres({ dataDir, log, now: Date.now })
  process.stdout.write(`${url}\n`)
} catch (error) {
  process.stderr.write(String(error))
  process.exit(1)
}
