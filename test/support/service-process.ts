import { setTimeout } from 'node:timers/promises'
import { type PanelAddress, type ServiceProcess, spawnService } from './spawn-service.ts'

export type { ServiceProcess } from './spawn-service.ts'

const patienceMs = 180_000

/** Starts the service for a test, logging all it can, and resolves as soon as it listens. */
export function startServiceProcess(
  panel: PanelAddress,
  environment: Record<string, string>,
): Promise<ServiceProcess> {
  return spawnService(panel, { LOG_LEVEL: 'trace', ...environment })
}

/** Resolves when `holds` does; asks again and again. A replica that was killed is missed after some 20 seconds. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`in vain waited until ${what}`)
    await setTimeout(20)
  }
}
