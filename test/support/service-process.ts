import { type PanelAddress, type ServiceProcess, spawnService } from './spawn-service.ts'

export type { ServiceProcess } from './spawn-service.ts'
export { until } from './until.ts'

/** Starts the service for a test, logging all it can, and resolves as soon as it listens. */
export function startServiceProcess(
  panel: PanelAddress,
  environment: Record<string, string>,
): Promise<ServiceProcess> {
  return spawnService(panel, { LOG_LEVEL: 'trace', ...environment })
}
