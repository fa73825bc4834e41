type Parameter = { example?: unknown; examples?: Record<string, { value?: unknown }>; schema?: object }

/**
 * Moves the examples of parameters into their schemas. Swagger UI fills in the example of a parameter as its value: every
 * list would open with all its filters set, and be empty.
 */
export function emptyParameters<Document extends { paths?: unknown }>(document: Document): Document {
  const paths = Object.entries((document.paths ?? {}) as Record<string, Record<string, object>>).map(
    ([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, emptied(operation)])),
    ],
  )
  return { ...document, paths: Object.fromEntries(paths) }
}

function emptied(operation: { parameters?: Parameter[] }): object {
  if (!operation.parameters) return operation
  return {
    ...operation,
    parameters: operation.parameters.map(({ example, examples, schema, ...parameter }) => {
      const all = examples
        ? Object.values(examples).map(({ value }) => value)
        : example === undefined
          ? []
          : [example]
      return { ...parameter, schema: all.length > 0 ? { ...schema, examples: all } : schema }
    }),
  }
}
