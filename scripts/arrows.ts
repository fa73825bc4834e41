/**
 * The import arrows of this repository: which part may import which. `npm run arrows` lists the imports that break them. A
 * file of src that no import reaches from the entry breaks them too.
 */
import path from 'node:path'
import { cruise, type ICruiseOptions, type IForbiddenRuleType } from 'dependency-cruiser'

/** The parts of src, folders and single files, each with the other parts that it may import. Every part may import `errors`. */
const parts: Record<string, string[]> = {
  app: ['http'],
  assemble: ['app', 'config', 'http', 'jobs', 'ledger', 'log', 'panel', 'store', 'work'],
  config: [],
  'end-signals': [],
  errors: [],
  http: ['work'],
  jobs: ['work'],
  ledger: [],
  log: [],
  panel: [],
  postgres: [],
  store: ['ledger'],
  run: ['config', 'end-signals', 'log', 'service'],
  service: ['assemble', 'config', 'postgres'],
  work: ['store', 'panel', 'ledger'],
}
const everyPart = Object.keys(parts)

/**
 * The rooms of a floor, folders and single files, each with the other rooms of its floor that it may import. A file that two
 * rooms need and that is missing here belongs one floor down.
 */
const rooms: Record<string, Record<string, string[]>> = {
  store: {
    'key-tables': [],
    'optional-column': [],
    'limit-tables': ['optional-column'],
    tables: ['key-tables', 'limit-tables', 'optional-column'],
    connection: ['limit-tables', 'tables'],
    accounts: ['connection', 'holds', 'limits', 'limit-tables', 'tables'],
    audit: ['connection', 'key-tables'],
    collecting: ['connection', 'tables'],
    deletions: ['connection', 'tables'],
    holds: ['connection', 'outbox', 'limit-tables', 'tables'],
    keys: ['connection', 'key-tables'],
    limits: ['connection', 'holds', 'limit-tables', 'tables'],
    outbox: ['connection', 'tables'],
    tenures: ['connection', 'tables'],
  },
  work: {
    limits: [],
    observing: ['limits'],
    outbox: [],
    callers: [],
    accounts: ['limits', 'observing'],
    collecting: ['observing'],
    holding: ['limits', 'observing'],
    deleting: ['observing', 'callers'],
    front: ['observing', 'callers', 'collecting', 'deleting', 'limits'],
    'ledger-api': ['accounts', 'callers', 'collecting', 'deleting', 'holding', 'limits', 'observing'],
  },
  http: {
    'app-type': [],
    schemas: [],
    problem: ['app-type', 'schemas', 'server'],
    input: ['app-type', 'problem', 'schemas'],
    server: ['app-type'],
    front: ['app-type', 'input', 'problem', 'server'],
    routes: ['app-type', 'input', 'problem', 'schemas', 'server'],
    openapi: ['app-type', 'problem', 'routes', 'schemas', 'server'],
  },
  panel: {
    // What the service needs of any panel; only `marzban` knows Marzban.
    panel: [],
    'panel-api': ['panel'],
    transport: ['panel', 'panel-api'],
    marzban: ['panel', 'panel-api', 'transport'],
  },
}

/** Matches the files of these parts. */
function filesOf(...names: string[]): string {
  return `^src/(${names.join('|')})(/|\\.ts$)`
}

const arrowsOfParts = Object.entries(parts).map(([part, others]): IForbiddenRuleType => {
  const allowed = part === 'ledger' ? [part] : [part, 'errors', ...others]
  return {
    name: `${part} may import of src only ${allowed.join(', ')}`,
    severity: 'error',
    from: { path: filesOf(part) },
    to: { path: '^src/', pathNot: filesOf(...allowed) },
  }
})

const arrowsOfRooms = Object.entries(rooms).flatMap(([floor, itsRooms]): IForbiddenRuleType[] => {
  const inside = Object.keys(itsRooms).map((room) => `${floor}/${room}`)
  return [
    ...Object.entries(itsRooms).map(
      ([room, others]): IForbiddenRuleType => ({
        name: `${floor}/${room} may import of ${floor} only ${[room, ...others].join(', ')}`,
        severity: 'error',
        from: { path: filesOf(`${floor}/${room}`) },
        to: {
          path: `^src/${floor}/`,
          pathNot: filesOf(...[room, ...others].map((other) => `${floor}/${other}`)),
        },
      }),
    ),
    {
      name: `every file of ${floor} belongs to a room`,
      severity: 'error',
      from: { path: `^src/${floor}/`, pathNot: filesOf(...inside) },
      to: {},
    },
  ]
})

/** The port of the panel: `work` knows only `panel/panel.ts`, and only `assemble` knows the kind of the panel. */
const arrowsOfPort: IForbiddenRuleType[] = [
  {
    name: 'work may import of panel only the port',
    severity: 'error',
    from: { path: filesOf('work') },
    to: { path: '^src/panel/', pathNot: filesOf('panel/panel', 'panel/panel-api') },
  },
  {
    name: 'only assemble may import panel/marzban',
    severity: 'error',
    from: { path: '^src/', pathNot: filesOf('assemble', 'panel/marzban') },
    to: { path: filesOf('panel/marzban') },
  },
]

const rules: IForbiddenRuleType[] = [
  ...arrowsOfParts,
  ...arrowsOfRooms,
  ...arrowsOfPort,
  {
    name: 'every file of src belongs to a part',
    severity: 'error',
    from: { path: '^src/', pathNot: filesOf('main', ...everyPart) },
    to: {},
  },
  {
    name: 'ledger imports nothing',
    severity: 'error',
    from: { path: filesOf('ledger') },
    to: { pathNot: filesOf('ledger') },
  },
  {
    name: 'only changeAccounts saves accounts',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/work/observing/change-accounts\\.ts$' },
    to: { path: '^src/store/accounts/save-accounts\\.ts$' },
  },
  {
    name: 'nothing imports main',
    severity: 'error',
    from: {},
    to: { path: filesOf('main') },
  },
  {
    name: 'src imports nothing of the repository around it',
    severity: 'error',
    from: { path: '^src/' },
    to: {
      pathNot: '^((src|node_modules)/|package\\.json$|openapi/openapi-3\\.0\\.json$)',
      dependencyTypes: ['local'],
    },
  },
  {
    name: 'migrations import only kysely',
    severity: 'error',
    from: { path: '^db/' },
    to: { pathNot: '^node_modules/kysely/' },
  },
  {
    name: 'what the service imports is a dependency of it',
    severity: 'error',
    from: { path: '^(src|db)/' },
    to: {
      dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'],
      dependencyTypesNot: ['type-only'],
    },
  },
  { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'every file of src is reached from main',
    severity: 'error',
    from: { path: filesOf('main') },
    to: { path: '^src/', reachable: false },
  },
]

const asNodeResolves = { exportsFields: ['exports'], conditionNames: ['node', 'import', 'default'] }

/**
 * Checks the imports, type imports too, of `src`, `db`, `test` and `scripts` under `directory`.
 *
 * @returns the violations as text for people, and how many there are.
 */
export async function checkArrows(directory: string): Promise<{ output: string; violations: number }> {
  const options: ICruiseOptions = {
    baseDir: path.resolve(directory),
    ruleSet: { forbidden: rules },
    validate: true,
    outputType: 'err',
    tsPreCompilationDeps: true,
    doNotFollow: { path: '^node_modules/' },
  }
  const result = await cruise(['src', 'db', 'test', 'scripts'], options, asNodeResolves)
  return { output: String(result.output), violations: result.exitCode }
}

if (import.meta.main) {
  const { output, violations } = await checkArrows(process.argv[2] ?? '.')
  console.log(output)
  if (violations > 0) process.exitCode = 1
}
