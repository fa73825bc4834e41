import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from '../app-type.ts'
import { problem } from './problem.ts'

/** Says what is wrong with an `Expect` that nobody can meet: Node.js itself would answer 417 without a word. */
export function refuseExpectations(app: App): void {
  app.server.on('checkExpectation', ({ socket }: IncomingMessage, response: ServerResponse) => {
    app.log.info({ address: socket.remoteAddress }, 'a request with an unknown Expect was refused')
    const body = problem(417, 'invalid_request', 'Expect must be "100-continue", or be left out.')
    response.writeHead(417, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body))
  })
}
