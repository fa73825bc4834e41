import type { App } from '../../src/http/app-type.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
/** A call of the OpenAPI document; `isOpen`: it has rules of its own about its caller, or none. */
export type Operation = {
  operationId: string
  method: Method
  path: string
  isOpen: boolean
  rights?: Record<string, 'all' | 'own' | 'none'>
}

/** Every call of the document. */
export async function readOperations(app: App): Promise<Operation[]> {
  const { paths } = (await app.inject('/openapi.json')).json<{
    paths: Record<
      string,
      Record<string, { operationId: string; security?: unknown[]; 'x-rights'?: Operation['rights'] }>
    >
  }>()
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security, 'x-rights': rights }]) => ({
      operationId,
      method: method.toUpperCase() as Method,
      path,
      isOpen: security !== undefined,
      ...(rights && { rights }),
    })),
  )
}
