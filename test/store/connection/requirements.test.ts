import { expect, test } from 'vitest'
import {
  explainLackOfRights,
  explainUnfit,
  readServerFacts,
  type ServerFacts,
} from '../../../src/store/connection/requirements.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('a server as the tests have it is fit, and lacks no right', async () => {
  const facts = await readServerFacts(ledger.db)
  expect([explainUnfit(facts), explainLackOfRights(facts, true)]).toEqual([null, null])
})

// What no server of this machine is like.
test.each<[string, Partial<ServerFacts>, string]>([
  ['13', { version: 130_011 }, 'PostgreSQL 13 is too old: the service needs 14 or later'],
  ['9.6', { version: 90_624 }, 'PostgreSQL 9 is too old'],
  ['a pooler that drops settings', { synchronousCommit: 'off' }, 'a pooler drops the setting'],
  ['a pooler with a weaker one', { synchronousCommit: 'local' }, 'synchronous_commit = local'],
])('%s is refused', async (_what, change, sentence) => {
  expect(explainUnfit({ ...(await readServerFacts(ledger.db)), ...change })).toContain(sentence)
})

test.each([140_000, 140_022, 180_004])('version %d is fit', async (version) => {
  expect(explainUnfit({ ...(await readServerFacts(ledger.db)), version })).toBe(null)
})

test('what waits for replicas too is as good', async () => {
  const facts = await readServerFacts(ledger.db)
  expect(explainUnfit({ ...facts, synchronousCommit: 'remote_apply' })).toBe(null)
})
