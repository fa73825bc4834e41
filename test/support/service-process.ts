import { inject } from 'vitest'
import { keepOutput } from './leaks.ts'
import { type PanelAddress, type ServiceProcess, spawnService } from './spawn-service.ts'

export type { ServiceProcess } from './spawn-service.ts'
export { until } from './until.ts'

/** Starts the service for a test, and resolves as soon as it listens. */
export function startServiceProcess(
  panel: PanelAddress,
  environment: Record<string, string>,
): Promise<ServiceProcess> {
  const runDir = inject('runDir')
  return spawnService(panel, environment, (text) => keepOutput(runDir, text))
}
