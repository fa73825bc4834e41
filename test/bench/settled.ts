import { setTimeout } from 'node:timers/promises'
import type { ServiceProcess } from '../support/spawn-service.ts'

/** Resolves when the service has read all users of the panel once. */
export async function settled(service: ServiceProcess): Promise<void> {
  for (;;) {
    const { body } = await service.call('GET', '/sync')
    const { scan } = body as { scan: { finished_at: string | null } }
    if (scan.finished_at !== null) return
    await setTimeout(50)
  }
}
