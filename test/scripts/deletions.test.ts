import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { apiKey, startTestService, type TestService, withKey } from '../http/service.ts'
import { passGrace } from '../support/deleting.ts'
import { keepOutput } from '../support/leaks.ts'

const script = path.join(import.meta.dirname, '../../scripts/deletions.ts')
let service: TestService
let address: string

beforeEach(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
  for (const username of ['a', 'b', 'c']) service.panel.state.createUser(username, { admin: 'ana' })
  await service.poll()
  await service.scan()
  address = await service.app.listen({ port: 0, host: '127.0.0.1' })
})
afterEach(() => service.close())

type Ended = { code: number; stdout: string; stderr: string }

function follow(id: string, key = apiKey, over: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, LEDGER: address, API_KEY: key, ...over }
  return new Promise((resolve) => {
    execFile(process.execPath, [script, id], { env, cwd: import.meta.dirname }, (error, stdout, stderr) => {
      keepOutput(stdout + stderr)
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}

async function request(usernames: string[]): Promise<string> {
  const answer = await service.app.inject({
    method: 'POST',
    url: '/deletions',
    headers: withKey,
    payload: { usernames },
  })
  return String(answer.json().id)
}

test('the script shows a deletion until it ends', async () => {
  const id = await request(['a', 'b', 'c'])
  const [, { code, stdout }] = await Promise.all([service.carryOut(Number(id)), follow(id)])
  expect(stdout).toMatch(/\[#{30}\] 3 of 3 deleted, 0 failed.*\ndeleted\n$/)
  expect(code).toBe(0)
})

test.each(['', ' ', '0.0.0.0'])(
  'the script asks the service of HOST="%s" on this machine if LEDGER is empty',
  async (HOST) => {
    const id = await request(['a'])
    await service.carryOut(Number(id))
    const { port } = new URL(address)
    expect(await follow(id, apiKey, { LEDGER: HOST === ' ' ? ' ' : '', HOST, PORT: port })).toMatchObject({
      code: 0,
    })
  },
)

test('the script shows what a deletion waits for, and then which users were not deleted, and why', async () => {
  const id = await request(['a', 'b'])
  service.panel.faults.add({ kind: 'answer', status: 500, method: 'DELETE', path: '/api/user/b', times: 100 })
  await service.carryOut(Number(id))
  const following = follow(id)
  const looks = () => service.logged.filter(({ path }) => path === `/deletions/${id}`)
  await expect.poll(() => looks().length, { timeout: 20_000 }).toBeGreaterThan(0)
  await passGrace(service)
  await service.settle()
  await service.carryOut(Number(id))
  const { code, stdout } = await following
  expect(stdout).toContain('1 of 2 deleted, 0 failed')
  expect(stdout).toContain('waits (panel_failed)')
  expect(stdout).toContain('1 of 2 deleted, 1 failed')
  expect(stdout).toMatch(/^ {2}b: .*preserved/m)
  expect(code).toBe(1)
})

test.each([
  ['without an id', '', apiKey, 'npm run deletions -- 12'],
  ['of a deletion that does not exist', '99', apiKey, 'There is no deletion'],
  ['with a wrong key', '99', 'x'.repeat(32), 'API_KEY'],
])('the script fails with a hint %s', async (_, id, key, hint) => {
  const { code, stderr } = await follow(id, key)
  expect(stderr).toContain(hint)
  expect(code).toBe(2)
})

describe('where something else answers', () => {
  const html = '<html>Bad gateway</html>'
  let other: Server
  let answers: { status: number; body: string; cut?: boolean }[] = []

  beforeEach(async () => {
    other = createServer((_, response) => {
      const { status, body, cut = false } = answers.shift() ?? { status: 404, body: html }
      response.writeHead(status, cut ? { 'content-length': 1_000 } : {})
      if (!cut) response.end(body)
      else response.write(body, () => response.destroy())
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
  })
  afterEach(() => other.close())

  const ask = () => {
    const { port } = other.address() as AddressInfo
    return follow('12', apiKey, { LEDGER: `http://127.0.0.1:${port}` })
  }

  test.each([200, 404])('a page of status %i says nothing of the deletion', async (status) => {
    answers = [{ status, body: html }]
    const { code, stderr } = await ask()
    expect([code, stderr]).toEqual([2, expect.stringContaining('Check LEDGER')])
  })

  test('an answer that breaks off is asked for again', async () => {
    const body = JSON.stringify({
      state: 'deleted',
      finished_at: '2026-11-27T00:00:00Z',
      code: null,
      detail: null,
    })
    answers = [
      { status: 200, body: body.slice(0, 20), cut: true },
      { status: 200, body },
    ]
    expect(await ask()).toMatchObject({ code: 0, stderr: '' })
  })
})
