import type { Panel } from '../panel-api.ts'
import { createForwarder } from '../transport/forward.ts'
import { marzbanApi } from './api.ts'
import { createPanelClient, type PanelClientOptions } from './client.ts'

export type MarzbanOptions = Pick<
  PanelClientOptions,
  'url' | 'username' | 'password' | 'timeoutMs' | 'trusted' | 'log'
>

/**
 * A Marzban panel. Nothing is sent before the first call.
 *
 * @throws `config_invalid` when `url` is no http address.
 */
export function createMarzban(options: MarzbanOptions): Panel {
  const client = createPanelClient(options)
  const forwarder = createForwarder({
    url: options.url,
    trusted: options.trusted,
    connectTimeoutMs: options.timeoutMs,
  })
  return {
    client,
    forwarder,
    api: marzbanApi,
    close: async () => {
      await Promise.all([client.close(), forwarder.close()])
    },
  }
}
