import type { App } from '../app-type.ts'
import { noteCut } from './gone-clients.ts'

/**
 * Cuts off clients that take nothing of their answer for `answerMs` milliseconds: each holds a connection to the panel,
 * of which there are so many.
 */
export function cutSlowReaders(app: App, answerMs: number): void {
  app.addHook('onSend', async (request, { raw }) => {
    raw.setTimeout(answerMs, () => {
      const { socket } = raw
      // Everything is taken so far: it is the panel that keeps the client waiting.
      if (socket?.writableLength === 0) return void socket.setTimeout(answerMs)
      request.log.info({ address: request.ip }, 'a client took nothing of its answer')
      noteCut(raw)
      socket?.destroy()
    })
  })
}
