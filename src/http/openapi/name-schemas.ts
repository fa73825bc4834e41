/** A part of the document. */
type Node = { [member: string]: unknown }

/**
 * Gives every schema with a title a name of its own among the components, so that generated clients have one type for it
 * everywhere. A schema that may be null becomes `anyOf`: not every generator understands an `enum` or an object whose type is
 * a list.
 *
 * @throws when two different schemas have one title: that is a bug.
 */
export function nameSchemas<Document extends { components?: { schemas?: unknown } }>(
  document: Document,
): Document {
  const components: Node = {}
  const { schemas = {} } = document.components ?? {}
  for (const [name, schema] of Object.entries(schemas as Node)) {
    const { title: _title, ...untitled } = schema as Node
    components[name] = move(untitled, components)
  }
  const moved = move(
    { ...document, components: { ...document.components, schemas: {} } },
    components,
  ) as Document
  return { ...moved, components: { ...moved.components, schemas: components } }
}

function move(part: unknown, components: Node): unknown {
  if (Array.isArray(part)) return part.map((item) => move(item, components))
  if (!isNode(part)) return part
  const node = Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, move(value, components)]),
  )
  if (typeof node.title !== 'string' || !(Array.isArray(node.enum) || isNode(node.properties))) return node
  const { title, type, description, default: usual, examples, ...shape } = node
  const isNullable = Array.isArray(type) && type.includes('null')
  const words = Array.isArray(shape.enum) ? { enum: shape.enum.filter((word) => word !== null) } : {}
  const schema = { type: isNullable ? type.find((one) => one !== 'null') : type, ...shape, ...words }
  const known = components[title] as Node | undefined
  if (known === undefined)
    components[title] = { ...schema, ...(description !== undefined && { description }) }
  else if (!isSame(known, schema)) throw new Error(`Two schemas have the title ${title}`)
  const $ref = `#/components/schemas/${title}`
  const own = {
    ...(description !== (components[title] as Node).description && { description }),
    ...(usual !== undefined && { default: usual }),
    ...(examples !== undefined && { examples }),
  }
  return isNullable ? { anyOf: [{ $ref }, { type: 'null' }], ...own } : { $ref, ...own }
}

/** Whether two schemas take the same values. What is said about them may differ. */
function isSame({ description: _description, ...known }: Node, schema: Node): boolean {
  return JSON.stringify(known.enum ?? known.properties) === JSON.stringify(schema.enum ?? schema.properties)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}
