/** Loads addresses as the JSON of the only argument says, and sends the figures to the parent. */
import autocannon from 'autocannon'
import type { Load } from './load.ts'

const { urls, headers = {}, connections, seconds } = JSON.parse(process.argv[2] ?? '{}') as Load
const requests = urls.map((url) => ({ path: url.slice(new URL(url).origin.length) }))
const latencies: number[] = []
const finished = Promise.withResolvers<autocannon.Result>()
const run = autocannon(
  { url: urls[0] ?? '', requests, headers, connections, duration: seconds },
  (error, result) => (error ? finished.reject(error) : finished.resolve(result)),
)
// The histogram of the library has whole milliseconds, too coarse for answers that take two.
run.on('response', (_client, status, _bytes, ms) => {
  if (status === 200) latencies.push(ms)
})
const { non2xx, errors, timeouts } = await finished.promise
latencies.sort((a, b) => a - b)
const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
process.send?.({
  rate: latencies.length / seconds,
  p50: at(0.5),
  p99: at(0.99),
  failed: non2xx + errors + timeouts,
})
process.disconnect()
