import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type Factory = ReturnType<typeof SerializerSelector>
type Serializer = ReturnType<ReturnType<Factory>>

/** All that this process has built: by the schemas and options that they share, then by their own schema. */
const allBuilt = new Map<string, Map<string, Serializer>>()

/**
 * Builds each serializer once, however many answers have its schema. Every call has the same problems among its answers: to build
 * them one by one would take most of the start.
 */
export const buildSharedSerializers: Factory = (externalSchemas, options) => {
  const compile = SerializerSelector()(externalSchemas, options)
  const shared = JSON.stringify([externalSchemas, options])
  const built = allBuilt.get(shared) ?? new Map<string, Serializer>()
  allBuilt.set(shared, built)
  return (route) => {
    const key = JSON.stringify(route.schema)
    const serializer = built.get(key) ?? compile(route)
    built.set(key, serializer)
    return serializer
  }
}
