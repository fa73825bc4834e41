import path from 'node:path'
import { sql } from 'kysely'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { useLedger } from '../support/ledger.ts'

const ledger = useLedger()
const file = path.join(import.meta.dirname, '../../src/store/tables.ts')

/** One column, as the types or the database have it. */
type Column = { type: string; nullable: boolean; mayBeLeftOut: boolean }
type Columns = Record<string, Column>

/** What the driver makes of each type of column. */
const typeInCode: Record<string, string> = {
  _int4: 'number[]',
  _int8: 'string[]',
  _text: 'string[]',
  bigint: 'bigint',
  boolean: 'boolean',
  bytea: 'Buffer',
  integer: 'number',
  interval: 'string',
  jsonb: 'json',
  text: 'string',
  'timestamp with time zone': 'Date',
  'timestamp without time zone': 'string',
}

test('the types of tables have the columns of the migrated database, and no others', async () => {
  const [inCode, inDatabase] = [columnsInCode(), await columnsInDatabase()]
  expect(Object.keys(inCode).length).toBeGreaterThan(50)
  expect(Object.keys(inCode).sort()).toEqual(Object.keys(inDatabase).sort())
})

test('each column has the type and nullability of the database', async () => {
  const shapes = (columns: Columns) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, { type, nullable }]) => [name, { type, nullable }]),
    )
  expect(shapes(columnsInCode())).toEqual(shapes(await columnsInDatabase()))
})

test('a column may be left out of an insert only where the database has a value for it', async () => {
  const inDatabase = await columnsInDatabase()
  const wrong = Object.entries(columnsInCode())
    .filter(([name, column]) => column.mayBeLeftOut && !inDatabase[name]?.mayBeLeftOut)
    .map(([name]) => name)
  expect(wrong).toEqual([])
})

test('what no transaction of the types can write is not hidden from this test', async () => {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(ledger.db)
  const untyped = rows.map(({ name }) => name).filter((name) => !(name in tablesInCode()))
  // The migrator's own, and the one that only SQL functions read.
  expect(untyped.sort()).toEqual(['kysely_migration', 'kysely_migration_lock', 'queue_clock'])
})

/** `table.column` of every table that the types name, from the database. */
async function columnsInDatabase(): Promise<Columns> {
  const { rows } = await sql<{ name: string; type: string; nullable: boolean; left: boolean }>`
    select table_name || '.' || column_name as name,
      case data_type when 'ARRAY' then udt_name else data_type end as type, is_nullable = 'YES' as nullable,
      is_nullable = 'YES' or column_default is not null or is_identity = 'YES' or is_generated = 'ALWAYS' as left
    from information_schema.columns
    where table_schema = 'public' and table_name = any(${Object.keys(tablesInCode())})`.execute(ledger.db)
  return Object.fromEntries(
    rows.map(({ name, type, nullable, left }) => [
      name,
      { type: typeInCode[type] ?? `unknown: ${type}`, nullable, mayBeLeftOut: left },
    ]),
  )
}

function columnsInCode(): Columns {
  return Object.fromEntries(
    Object.entries(tablesInCode()).flatMap(([table, columns]) =>
      Object.entries(columns).map(([column, shape]) => [`${table}.${column}`, shape]),
    ),
  )
}

let tables: Record<string, Columns> | undefined

/** The type `Tables`, as the compiler understands it. */
function tablesInCode(): Record<string, Columns> {
  tables ??= readTables()
  return tables
}

function readTables(): Record<string, Columns> {
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const alias = source?.statements.find(
    (node): node is ts.TypeAliasDeclaration => ts.isTypeAliasDeclaration(node) && node.name.text === 'Tables',
  )
  if (!alias) throw new Error('tables.ts exports no type Tables')
  return membersOf(checker, checker.getTypeAtLocation(alias), alias, (table) =>
    membersOf(checker, table, alias, (column) => readColumn(checker, column, alias)),
  )
}

function membersOf<T>(
  checker: ts.TypeChecker,
  type: ts.Type,
  at: ts.Node,
  read: (member: ts.Type) => T,
): Record<string, T> {
  return Object.fromEntries(
    type
      .getProperties()
      .map((property) => [property.name, read(checker.getTypeOfSymbolAtLocation(property, at))]),
  )
}

/** A plain type, or Kysely's `ColumnType`, which says apart what is selected and what is inserted. */
function readColumn(checker: ts.TypeChecker, column: ts.Type, at: ts.Node): Column {
  const part = (name: string) => {
    const property = column.getProperty(name)
    return property && checker.getTypeOfSymbolAtLocation(property, at)
  }
  const selected = part('__select__') ?? column
  const inserted = part('__insert__')
  const members = selected.isUnion() ? selected.types : [selected]
  return {
    type: nameOf(checker, checker.getNonNullableType(selected)),
    nullable: members.some((type) => (type.flags & ts.TypeFlags.Null) !== 0),
    mayBeLeftOut:
      inserted?.isUnion() === true &&
      inserted.types.some((type) => (type.flags & ts.TypeFlags.Undefined) !== 0),
  }
}

function nameOf(checker: ts.TypeChecker, type: ts.Type): string {
  const members = type.isUnion() ? type.types : [type]
  if (members.every((member) => member.flags & ts.TypeFlags.StringLike)) return 'string'
  if (members.every((member) => member.flags & ts.TypeFlags.BooleanLike)) return 'boolean'
  const item = checker.isArrayType(type) ? checker.getTypeArguments(type as ts.TypeReference)[0] : undefined
  if (item?.isUnion()) return `${nameOf(checker, item)}[]`
  const [name = ''] = checker.typeToString(type).split('<')
  return ['bigint', 'number', 'Date', 'Buffer', 'number[]', 'string[]'].includes(name) ? name : 'json'
}
