import { expect } from 'vitest'
import { readCollectorState } from '../../src/store/collecting/collector-state.ts'
import type { Database } from '../../src/store/connection/database.ts'
import type { StandInPanel } from '../stand-in/start.ts'
import { type ServiceProcess, until } from '../support/service-process.ts'

/** A call as the panel's sudo account would make it at the panel. */
export async function throughFront(
  service: ServiceProcess,
  panel: StandInPanel,
  method: string,
  target: string,
): Promise<void> {
  const { access_token: token } = panel.tokens.logIn(new URLSearchParams(panel.sudo))
  const answer = await fetch(service.url + target, { method, headers: { authorization: `Bearer ${token}` } })
  await answer.arrayBuffer()
}

/** Asks for everything to be read, and waits until it is. */
export async function pollAndScan(service: ServiceProcess, db: Database): Promise<void> {
  expect((await service.call('POST', '/sync')).status).toBe(202)
  await until('everything is polled and scanned', async () => {
    const { pollPending, scansPending, round } = await readCollectorState(db)
    return !pollPending && scansPending === 0n && round.finishedAt !== null
  })
}
