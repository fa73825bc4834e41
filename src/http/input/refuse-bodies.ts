import type { App } from '../app-type.ts'
import { invalidParameters } from '../problem/field-errors.ts'

/**
 * Refuses a body that says something, on every route without a schema of a body: a call must not ignore what its caller asks
 * for. An empty object or null says nothing, and many clients send one with every request.
 */
export function refuseUnknownBodies(app: App): void {
  app.addHook('preValidation', async ({ body, routeOptions: { schema } }) => {
    if (schema?.body !== undefined || saysNothing(body)) return
    const inQuery = parametersOf(schema?.querystring).filter((name) => Object.hasOwn(Object(body), name))
    const hint = inQuery.length > 0 ? ` ${inQuery.join(' and ')} belongs in the query.` : ''
    const detail = `This call takes no body; send none, or an empty object.${hint}`
    throw invalidParameters([{ field: 'body', detail }])
  })
}

function saysNothing(body: unknown): boolean {
  if (body === undefined || body === null) return true
  return typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0
}

function parametersOf(query: unknown): string[] {
  const { properties = {} } = (query ?? {}) as { properties?: object }
  return Object.keys(properties)
}
