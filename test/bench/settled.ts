import { setTimeout } from 'node:timers/promises'
import type { ServiceProcess } from '../support/spawn-service.ts'

/** Resolves when the service has read all users of the panel once. On a busy machine, it may refuse to say how far it is. */
export async function settled(service: ServiceProcess): Promise<void> {
  for (;;) {
    const { status, body } = await service.call('GET', '/sync')
    if (status === 200 && (body as { scan: { finished_at: string | null } }).scan.finished_at !== null) return
    await setTimeout(50)
  }
}
