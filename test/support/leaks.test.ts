import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { linkOf } from '../stand-in/render.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { PanelState } from '../stand-in/state.ts'
import { operatorKey } from './keys.ts'
import { collectOutput, findLeaks, holdsSecret, keepOutput, keepSecret } from './leaks.ts'

test('finds the lines that hold a secret, and no others', async () => {
  vi.stubEnv('LEDGER_TEST_OUTPUT', undefined)
  const dir = await mkdtemp(path.join(tmpdir(), 'leaks-'))
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await rm(dir, { recursive: true })
  })
  keepOutput(`{"key":"${operatorKey}"}\n`)
  collectOutput(dir)
  expect(findLeaks(dir)).toEqual([])
  keepSecret('pass-word')
  keepOutput('{"msg":"ready"}\n')
  keepOutput(`{"key":"${operatorKey}"}\n{"msg":"done"}\n{"url":"postgres://me:pass-word@127.0.0.1"}\n`)
  expect(findLeaks(dir)).toEqual([`{"key":"${operatorKey}"}`, '{"url":"postgres://me:pass-word@127.0.0.1"}'])
})

test("knows a user's settings and link when it sees them", () => {
  const user = new PanelState().createUser('alice')
  expect(holdsSecret(`GET /sub/${user.token}`)).toBe(true)
  expect(holdsSecret(JSON.stringify(user.proxies))).toBe(true)
  expect(holdsSecret(linkOf(user))).toBe(true)
  expect(holdsSecret(`alice ${user.createdAt} ss://YWxpY2U@127.0.0.1`)).toBe(false)
})

test.each([0, 1, 2, 3, 4, 5])('knows a secret in base64, %d bytes from its beginning', (before) => {
  const bytes = Buffer.from('\u00ff'.repeat(before) + makeSecret(), 'latin1')
  expect(holdsSecret(bytes.toString('base64'))).toBe(true)
  expect(holdsSecret(bytes.toString('base64url'))).toBe(true)
})
