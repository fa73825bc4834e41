import { readFileSync } from 'node:fs'
import path from 'node:path'

/** A JSON Schema, as far as the OpenAPI document uses it. */
export type JsonSchema = {
  $ref?: string
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  anyOf?: JsonSchema[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
}

export type Parameter = {
  in: 'path' | 'query' | 'header'
  name: string
  required?: boolean
  schema: JsonSchema
}

type Content = Record<string, { schema: JsonSchema }>

export type Operation = {
  operationId: string
  method: string
  /** The path's template, such as `/admins/{id}`. */
  path: string
  parameters: Parameter[]
  /** What the body is to be; null: there is none. */
  body: JsonSchema | null
  responses: Record<string, { content?: Content }>
}

export type Api = { operations: Operation[]; components: object }

type Document = {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string
        parameters?: Parameter[]
        requestBody?: { content: Content }
        responses: Operation['responses']
      }
    >
  >
  components: object
}

/** Every operation that the OpenAPI document declares. */
export function readApi(): Api {
  const file = path.join(import.meta.dirname, '../../openapi/openapi.json')
  const { paths, components } = JSON.parse(readFileSync(file, 'utf8')) as Document
  const operations = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters, requestBody, responses }]) => ({
      operationId,
      method: method.toUpperCase(),
      path: template,
      parameters: parameters ?? [],
      body: requestBody?.content['application/json']?.schema ?? null,
      responses,
    })),
  )
  return { operations, components }
}
