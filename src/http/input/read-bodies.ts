import { isUtf8 } from 'node:buffer'
import { errorCodes } from 'fastify'
import type { App } from '../app-type.ts'
import { invalidParameters } from '../problem/field-errors.ts'

/**
 * Reads bodies of JSON. An empty body is no body, whatever its content type says: many clients announce JSON with every
 * request. A call that needs a body refuses that in its own words.
 */
export function readBodies(app: App): void {
  // Fastify's own takes any text for a body.
  app.removeContentTypeParser('text/plain')
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null)
    // Read as text, any character of another encoding is U+FFFD: two references of grants would be the same.
    if (!isUtf8(body)) return done(notUtf8())
    parseJson(request, body.toString(), done)
  })
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(body.length === 0 ? null : new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE())
  })
}

function notUtf8(): Error {
  const detail = 'The body holds bytes that are not UTF-8; encode the JSON as UTF-8.'
  return invalidParameters([{ field: 'body', detail }])
}
