import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { operatorKey } from './keys.ts'
import { findLeaks, keepOutput } from './leaks.ts'

it('finds the lines that hold a secret, and no others', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'leaks-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  expect(findLeaks(dir)).toEqual([])
  keepOutput(dir, '{"msg":"ready"}\n')
  keepOutput(dir, `{"key":"${operatorKey}"}\n{"msg":"done"}\n`)
  expect(findLeaks(dir, ['another'])).toEqual([`{"key":"${operatorKey}"}`])
})
