import type { FieldError } from '../../errors.ts'
import type { App } from '../app-type.ts'
import { invalidParameters } from '../problem/field-errors.ts'

/**
 * Refuses queries that cannot be decoded, on every route with a schema of its query: Fastify would take such a text as it
 * stands, and look for something that nobody meant. The front passes each query on as it is.
 */
export function refuseUnreadableQueries(app: App): void {
  app.addHook('preValidation', async ({ url, routeOptions: { schema } }) => {
    if (schema?.querystring === undefined || !url.includes('%')) return
    const [, ...rest] = url.split('?')
    const errors = rest.join('?').split('&').flatMap(faultsOf)
    if (errors.length > 0) throw invalidParameters(errors)
  })
}

function faultsOf(parameter: string): FieldError[] {
  const fault = faultIn(parameter)
  if (fault === null) return []
  const [name = ''] = parameter.split('=', 1)
  const field = faultIn(name) === null ? decodeURIComponent(name) : 'query'
  return [{ field, detail: `${field} ${fault}` }]
}

/** The end of a sentence; null: the text can be decoded. */
function faultIn(text: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(text))
    return 'holds a "%" that does not begin an encoded character; send "%" as %25.'
  try {
    decodeURIComponent(text)
    return null
  } catch {
    return 'holds encoded bytes that are not UTF-8; encode the text as UTF-8.'
  }
}
