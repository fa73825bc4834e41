import { Converter } from '@apiture/openapi-down-convert'

type Node = { [member: string]: unknown }

/**
 * The document of OpenAPI 3.1 in the form of 3.0, for generators that know no other. What 3.0 cannot say is left out.
 *
 * @param document it stays as it is.
 */
export function toOpenapi30(document: object): object {
  const copy = structuredClone(document) as Node
  const { components } = copy as { components: { schemas: Node } }
  const { info, ...prepared } = prepare(copy, components.schemas) as Node
  // 3.0 has no identifier of a license.
  const license = { name: 'MIT', url: 'https://opensource.org/license/mit' }
  return unwrap(new Converter({ ...prepared, info: { ...(info as Node), license } }).convert()) as object
}

/** The converter wraps some references that nothing stands beside. */
function unwrap(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(unwrap)
  if (!isNode(part)) return part
  const { allOf, ...rest } = part
  if (Array.isArray(allOf) && allOf.length === 1 && isEmpty(rest)) return unwrap(allOf[0])
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, unwrap(value)]))
}

/** The converter leaves members without a value. */
function isEmpty(node: Node): boolean {
  return Object.values(node).every((value) => value === undefined)
}

/** The converter knows `null` only in a list of types, and leaves beside a reference what 3.0 ignores there. */
function prepare(part: unknown, components: Node): unknown {
  if (Array.isArray(part)) return part.map((item) => prepare(item, components))
  if (!isNode(part)) return part
  const node = Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, prepare(value, components)]),
  )
  const { $ref, ...beside } = node
  if (typeof $ref === 'string' && Object.keys(beside).length > 0) return { ...beside, allOf: [{ $ref }] }
  const forms = node.anyOf
  if (!Array.isArray(forms) || !forms.some(isNull)) return node
  const { anyOf: _anyOf, ...rest } = node
  const others = forms.filter((form) => !isNull(form)) as Node[]
  const [only] = others
  if (others.length > 1 || only === undefined) return { ...rest, anyOf: others, nullable: true }
  if (typeof only.$ref !== 'string') return { ...only, ...rest, nullable: true }
  const { type } = components[only.$ref.split('/').at(-1) ?? ''] as Node
  return { ...rest, type, nullable: true, allOf: [only] }
}

function isNull(form: unknown): boolean {
  return isNode(form) && form.type === 'null'
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}
