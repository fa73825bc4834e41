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
  components: { schemas: Record<string, JsonSchema> }
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
      parameters: resolve(parameters ?? [], components) as Parameter[],
      body: resolve(
        requestBody?.content['application/json']?.schema ?? null,
        components,
      ) as JsonSchema | null,
      responses,
    })),
  )
  return { operations, components }
}

/** The same with each reference replaced by what it refers to. */
function resolve(part: unknown, components: Document['components']): unknown {
  if (Array.isArray(part)) return part.map((item) => resolve(item, components))
  if (typeof part !== 'object' || part === null) return part
  const { $ref } = part as JsonSchema
  if ($ref !== undefined) return resolve(components.schemas[$ref.split('/').at(-1) ?? ''], components)
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, resolve(value, components)]))
}
