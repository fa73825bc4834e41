import { afterEach } from 'vitest'
import type { PanelClientOptions } from '../../src/panel/marzban/client.ts'
import type { PanelClient } from '../../src/panel/panel.ts'
import { type Answer, connect, type FakePanel, startFakePanel, startTcpServer } from './fake-panel.ts'

const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Has `close` called when the test ends. */
export function closeAfterTest(close: () => Promise<void>): void {
  closing.push(close)
}

/** A client connected to `url`, closed when the test ends. */
export function connected(url: string, options?: Partial<PanelClientOptions>): PanelClient {
  const client = connect(url, options)
  closeAfterTest(client.close)
  return client
}

/** A client facing a panel that answers everything but the login with `answer`. */
export async function facing(
  answer: Answer,
  { login, ...options }: Partial<PanelClientOptions> & { login?: Answer } = {},
): Promise<{ panel: FakePanel; client: PanelClient }> {
  const panel = await startFakePanel(answer, login)
  closeAfterTest(panel.close)
  return { panel, client: connected(panel.url, options) }
}

/** A client facing a server that speaks only TCP, and so grants no login. */
export async function facingTcp(
  onConnection: Parameters<typeof startTcpServer>[0],
  options?: Partial<PanelClientOptions>,
): Promise<PanelClient> {
  const server = await startTcpServer(onConnection)
  closeAfterTest(server.close)
  return connected(server.url, options)
}
