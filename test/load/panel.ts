import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { PanelAddress } from '../support/spawn-service.ts'

export type LoadPanelOptions = { admins: readonly string[]; usersEach: number }

/** What each admin's users have consumed in bytes, and who is left. */
export type LoadPanelTruth = { totals: Record<string, number>; users: string[] }

export type LoadPanel = PanelAddress & {
  /** A token of each admin. */
  tokens: Record<string, string>
  /** Lets traffic flow, and answers cost what they cost a real panel. */
  makeBusy(): void
  /** Ends both, and tells the truth. */
  quieten(): Promise<LoadPanelTruth>
  close(): Promise<void>
}

/** Starts a panel in a process of its own: users that nobody has read yet, and counters of admins that begin at zero. */
export async function startLoadPanel(options: LoadPanelOptions): Promise<LoadPanel> {
  const child = fork(path.join(import.meta.dirname, 'panel-process.ts'), [JSON.stringify(options)])
  const [address] = (await once(child, 'message')) as [Pick<LoadPanel, 'url' | 'sudo' | 'tokens'>]
  return {
    ...address,
    makeBusy: () => void child.send('busy'),
    async quieten() {
      child.send('quiet')
      const [truth] = (await once(child, 'message')) as [LoadPanelTruth]
      return truth
    },
    async close() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
