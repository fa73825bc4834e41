import type { App } from '../app-type.ts'
import { noteCut } from './gone-clients.ts'

/**
 * Cuts off each client that reads nothing of its answer for `answerMs` milliseconds: it holds one of the few connections to
 * the panel.
 */
export function cutSlowReaders(app: App, answerMs: number): void {
  app.addHook('onSend', async (request, { raw }) => {
    let isOver = false
    raw.once('finish', () => {
      isOver = true
    })
    raw.setTimeout(answerMs, () => {
      if (isOver) return
      const { socket } = raw
      // The client has read everything so far, and waits for the panel.
      if (socket?.writableLength === 0) return void socket.setTimeout(answerMs)
      request.log.info({ address: request.ip }, 'a client did not read its answer')
      noteCut(raw)
      socket?.destroy()
    })
  })
}
