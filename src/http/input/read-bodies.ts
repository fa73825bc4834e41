import { errorCodes } from 'fastify'
import type { App } from '../app-type.ts'

/**
 * Reads bodies of JSON. An empty body is no body, whatever its content type says: many clients announce JSON with every
 * request. A call that needs a body refuses that in its own words.
 */
export function readBodies(app: App): void {
  // Fastify's own takes any text for a body.
  app.removeContentTypeParser('text/plain')
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null)
    else parseJson(request, body, done)
  })
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(body.length === 0 ? null : new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE())
  })
}
