import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { findProgram } from '../../support/find-program.ts'
import { apiKey, startTestService, type TestService } from '../service.ts'

const chromium = findProgram('chromium')
const run = promisify(execFile)
if (!chromium)
  console.warn('No browser is tested: this machine has no `chromium`. On Debian: apt install chromium')

/** Calls with what `#calls` lists, and writes what a script of the page can see of the answers into the page. */
const page = `<!doctype html><pre></pre><script type="module">
const calls = JSON.parse(decodeURIComponent(location.hash.slice(1)))
const seen = []
for (const [url, init] of calls) {
  try {
    const answer = await fetch(url, init)
    seen.push({ status: answer.status, body: await answer.json(), location: answer.headers.get('location') })
  } catch (error) {
    seen.push({ error: error.name })
  }
}
document.querySelector('pre').textContent = JSON.stringify(seen)
</script>`

async function servePage(): Promise<{ server: Server; origin: string }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

let service: TestService
let address: string
let ours: Awaited<ReturnType<typeof servePage>>
let foreign: Awaited<ReturnType<typeof servePage>>
beforeAll(async () => {
  ours = await servePage()
  foreign = await servePage()
  service = await startTestService({ admins: [{ username: 'ana' }], corsOrigins: [ours.origin] })
  await service.poll()
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await service.close()
  for (const { server } of [ours, foreign]) server.close()
})

/** What a script on a page of `origin` sees of the answers. */
async function browse(origin: string, calls: [string, RequestInit][]): Promise<unknown> {
  const hash = encodeURIComponent(JSON.stringify(calls))
  const profile = path.join(inject('runDir'), `browser-${new URL(origin).port}`)
  const { stdout } = await run(chromium ?? '', [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    `--user-data-dir=${profile}`,
    '--virtual-time-budget=20000',
    '--dump-dom',
    `${origin}/#${hash}`,
  ])
  const [, text = ''] = /<pre>(.*?)<\/pre>/s.exec(stdout) ?? []
  return JSON.parse(text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&') || '[]')
}

const headers = { 'x-api-key': apiKey }
const reading = (): [string, RequestInit] => [`${address}/admins?limit=1`, { headers }]

test.runIf(chromium)(
  'a browser lets a page of an origin of CORS_ORIGINS call',
  { timeout: 90_000 },
  async () => {
    const limit = {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ traffic_limit: 1_000, period: null, on_exceed: 'notify' }),
    }
    const seen = await browse(ours.origin, [
      reading(),
      [`${address}/admins/1/limit`, limit],
      [`${address}/sync`, { method: 'POST', headers }],
      [`${address}/admins/1/stats`, {}],
    ])
    expect(seen).toMatchObject([
      { status: 200, body: { items: [{ username: 'ana' }] } },
      { status: 200 },
      { status: 202, location: '/sync' },
      { status: 401, body: { code: 'unauthenticated' } },
    ])
  },
)

test.runIf(chromium)('a browser lets a page of another origin see nothing', { timeout: 90_000 }, async () => {
  const seen = await browse(foreign.origin, [reading(), [`${address}/healthz`, {}]])
  expect(seen).toEqual([{ error: 'TypeError' }, { error: 'TypeError' }])
})
