import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { useLedger } from '../support/ledger.ts'
import { startServiceProcess } from '../support/service-process.ts'

const ledger = useLedger()
let panel: StandInPanel
beforeAll(async () => {
  panel = await startPanel()
})
afterAll(() => panel.close())

test('a failure that nobody caught ends the service: in a state that nobody knows it would count wrongly', {
  timeout: 60_000,
}, async () => {
  const fail = 'process.on("SIGUSR2", () => { throw new Error("nobody caught this") })'
  const service = await startServiceProcess(panel, {
    DATABASE_URL: ledger.url,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fail)}`,
  })
  const exited = once(service.child, 'exit')
  service.child.kill('SIGUSR2')
  expect(await exited).toEqual([1, null])
  expect(service.output()).toContain('nobody caught this')
})
