import Schema from 'typebox/schema'
import type { Api, Operation } from './operations.ts'

export type HostileAnswer = { status: number; mediaType: string; text: string }

/** Says in what an answer differs from what the document declares for its operation; null: in nothing. */
export type Conformance = (operation: Operation, answer: HostileAnswer) => string | null

export function createConformance({ operations, components }: Api): Conformance {
  const checks = new Map<
    unknown,
    { Errors(value: unknown): [boolean, { instancePath: string; message: string }[]] }
  >()
  for (const { responses } of operations) {
    for (const { content = {} } of Object.values(responses)) {
      for (const { schema } of Object.values(content)) {
        checks.set(schema, Schema.Compile({ ...schema, components }))
      }
    }
  }
  return ({ responses }, { status, mediaType, text }) => {
    const declared = responses[String(status)]
    if (!declared) return `status ${status} is not declared: ${text}`
    const content = declared.content?.[mediaType]
    if (!content)
      return text === '' && !declared.content ? null : `status ${status}: ${mediaType} is not declared`
    const [, errors] = checks.get(content.schema)?.Errors(JSON.parse(text)) ?? [false, []]
    const [first] = errors
    return first ? `status ${status}: ${first.instancePath} ${first.message}: ${text}` : null
  }
}
