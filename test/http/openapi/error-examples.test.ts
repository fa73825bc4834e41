import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '../../..')

type Document = {
  paths: Record<
    string,
    Record<
      string,
      { responses: Record<string, { content?: Record<string, { example?: { detail: string } }> }> }
    >
  >
}

/** Every sentence that the examples of errors show. */
function examples(): string[] {
  const { paths } = JSON.parse(readFileSync(path.join(root, 'openapi/openapi.json'), 'utf8')) as Document
  const details = Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ responses }) => Object.values(responses))
    .flatMap(({ content = {} }) => content['application/problem+json']?.example?.detail ?? [])
  return [...new Set(details)]
}

/** What the service can say: every text of its source, but those that only describe its answers. */
function sentences(): RegExp[] {
  const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('problem-schema.ts'))
  expect(files.length).toBeGreaterThan(100)
  return files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return [...textsIn(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))]
  })
}

function* textsIn(node: ts.Node): Generator<RegExp> {
  if (ts.isCallExpression(node) && node.expression.getText() === 'problemResponse') return
  const pattern = patternOf(node)
  // Almost any sentence would match a text without words.
  if (pattern !== null && pattern.replaceAll('.*', '').length > 8) yield new RegExp(`^${pattern}$`)
  if (pattern === null) for (const child of node.getChildren()) yield* textsIn(child)
}

/** A text, or texts that are put together; null: something else. */
function patternOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return escaped(node.text)
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.map(({ literal }) => `.*${escaped(literal.text)}`)
    return escaped(node.head.text) + spans.join('')
  }
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return null
  const [left, right] = [patternOf(node.left), patternOf(node.right)]
  return left === null || right === null ? null : left + right
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}

test('each example of an error is a sentence that the service says', () => {
  const said = sentences()
  const never = examples().filter((detail) => !said.some((pattern) => pattern.test(detail)))
  expect(never).toEqual([])
})
