import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { texts } from '../src/panel/marzban/texts.ts'

const root = path.join(import.meta.dirname, '..')
const files = globSync('{src,db,test,scripts}/**/*.ts', { cwd: root }).map((file) =>
  file.replaceAll('\\', '/'),
)
const longest = 300

/** What only `src/panel/marzban` may say. A 404 of any server says `Not Found`. */
const marzbansOwn = ['/api/', ...Object.values(texts).filter((text) => text !== texts.noSuchPath)]

/** What in `source`, the text of `file`, breaks the rules of this repository; a line each. */
function faultsOf(file: string, source: string): string[] {
  const faults: string[] = []
  const served = /^(src|db)\//.test(file)
  if (!file.split('/').every((name) => /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?(\.ts)?$/.test(name))) {
    faults.push('the name is not kebab-case')
  }
  const knowsMarzban = !file.startsWith('src/') || file.startsWith('src/panel/marzban/')
  const lines = source.trimEnd().split('\n').length
  if (lines > longest) faults.push(`${lines} lines, more than ${longest}`)
  // Spelled apart, so that this file keeps its own rules.
  for (const word of ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X']) {
    if (new RegExp(`\\b${word}\\b`).test(source)) faults.push(word)
  }
  for (const pragma of [
    '@ts-' + 'ignore',
    '@ts-' + 'nocheck',
    '@ts-' + 'expect-error',
    'biome-' + 'ignore',
  ]) {
    if (served && source.includes(pragma)) faults.push(pragma)
  }
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true), (node) => {
    if (ts.isEnumDeclaration(node)) faults.push('enum')
    // A declaration that adds to another module has a string for its name, and leaves no trace at run time.
    if (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name)) faults.push('namespace')
    if (served && node.kind === ts.SyntaxKind.AnyKeyword) faults.push('any')
    if (!knowsMarzban && isText(node) && !isDescription(node)) {
      // In a regular expression every slash has a backslash before it.
      const text = node.getText().replaceAll('\\', '')
      for (const own of marzbansOwn) if (text.includes(own)) faults.push(`says ${own}`)
    }
    if (served && file !== 'src/main.ts' && /^process\.env$/.test(node.getText())) faults.push('process.env')
    // Only the process itself reads the clock that an operator can set; everything else is given it.
    if (served && file !== 'src/main.ts' && /^Date\.now$/.test(node.getText())) faults.push('Date.now')
    // A call that takes longer than the interval would meet the next one: see src/jobs/repeat.ts.
    if (served && ts.isIdentifier(node) && node.text === 'setInterval') faults.push('setInterval')
    if (ts.isPropertyAccessExpression(node) && /^(test|it|describe)\b/.test(node.expression.getText())) {
      if (['only', 'skip', 'todo'].includes(node.name.text)) faults.push(`.${node.name.text}`)
    }
  })
  return faults
}

function isText(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isRegularExpressionLiteral(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddle(node) ||
    ts.isTemplateTail(node)
  )
}

/** Whether a text is a description or an example in the OpenAPI document, or a part of one. */
function isDescription(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isBinaryExpression(parent)) return isDescription(parent)
  if (ts.isCallExpression(parent)) return parent.expression.getText() === 'problemResponse'
  const isNamed = ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)
  if (!isNamed) return false
  return /^(description|summary|\w+Meaning)$/.test(parent.name.getText()) || isExample(parent)
}

function isExample(node: ts.Node): boolean {
  if (ts.isVariableDeclaration(node)) return /^\w*[eE]xamples?$/.test(node.name.getText())
  return node.parent !== undefined && isExample(node.parent)
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

test.each(files)('%s is tidy', (file) => {
  expect(faultsOf(file, read(file))).toEqual([])
})

describe('the rules bite', () => {
  test.each([
    ['src/someThing.ts', 'the name is not kebab-case', ''],
    ['src/Some/thing.ts', 'the name is not kebab-case', ''],
    ['test/long.test.ts', '301 lines, more than 300', 'x\n'.repeat(301)],
    ['test/x.test.ts', `TO${'DO'}`, `// TO${'DO'}: later`],
    ['src/x.ts', `@ts-${'ignore'}`, `// @ts-${'ignore'}\n`],
    ['db/migrations/x.ts', `biome-${'ignore'}`, `// biome-${'ignore'} lint: no`],
    ['src/x.ts', 'enum', 'enum Colour { red }'],
    ['test/x.ts', 'namespace', 'namespace Colours { }'],
    ['src/x.ts', 'any', 'const x = y as any'],
    ['src/x.ts', 'process.env', 'const x = process.env.PORT'],
    ['src/x.ts', 'Date.now', 'const now = Date.now'],
    ['src/jobs/x.ts', 'setInterval', 'setInterval(poll, 1_000)'],
    ['src/jobs/x.ts', 'setInterval', "import { setInterval } from 'node:timers/promises'"],
    ['src/work/x.ts', 'says /api/', "const path = '/api/user'"],
    ['src/http/x.ts', 'says /api/', 'const paths = /^\\/api\\/core$/'],
    ['src/panel/transport/x.ts', 'says /api/', `const path = \`/api/user/$\{name}\``],
    ['src/work/x.ts', 'says User not found', "const says = { detail: 'User not found' }"],
    ['test/x.test.ts', '.only', `test.on${'ly'}("x", () => {})`],
    ['test/x.test.ts', '.skip', `describe.concurrent.sk${'ip'}("x", () => {})`],
  ])('%s: %s', (file, fault, source) => {
    expect(faultsOf(file, source)).toEqual([fault])
  })

  test('and leave sound code alone', () => {
    const source = '/** Any enum of a namespace. */\nexport const only = process.argv'
    expect(faultsOf('src/http/some-thing.ts', source)).toEqual([])
    const described = "const path = { description: 'As GET /api/users ' + 'says it.' } // GET /api/users"
    const meaning = "const kindMeaning = 'As GET /api/users says it.'"
    expect(faultsOf('src/http/x.ts', described)).toEqual([])
    expect(faultsOf('src/http/x.ts', meaning)).toEqual([])
    const examples = "const examples = { 504: { detail: 'No answer to GET /api/users.' } }"
    expect(faultsOf('src/http/x.ts', examples)).toEqual([])
    const response = "problemResponse(504, 'The panel failed.', 'No answer to GET /api/users.')"
    expect(faultsOf('src/http/x.ts', response)).toEqual([])
    expect(faultsOf('src/panel/marzban/x.ts', "const path = '/api/users'")).toEqual([])
    expect(faultsOf('src/main.ts', 'run(process.env, Date.now)')).toEqual([])
    expect(faultsOf('src/http/auth.ts', "declare module 'fastify' {}")).toEqual([])
  })
})

const migrations = files.filter((file) => file.startsWith('db/migrations/'))

test.each(migrations)('%s can be applied and undone', async (file) => {
  const migration: unknown = await import(path.join(root, file))
  expect(migration).toMatchObject({ up: expect.any(Function), down: expect.any(Function) })
})

test('migrations are numbered one after another, so that their order is one', () => {
  const numbers = migrations.map((file) => path.basename(file).slice(0, 4)).sort()
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')))
})

test('every npm script that the README, the CI or a message names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const texts = ['README.md', '.ci/run', 'src/config.ts', ...globSync('docs/**/*.md', { cwd: root })].map(
    read,
  )
  const named = texts.flatMap((text) => [...text.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w:-]+)/g)])
  expect(named.length).toBeGreaterThan(0)
  for (const [, script = ''] of named) expect(Object.keys(scripts)).toContain(script)
})
