import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Config, readConfig } from '../src/config.ts'
import { isLedgerError } from '../src/errors.ts'

const required = {
  MARZBAN_URL: 'https://panel.example:8443/base',
  MARZBAN_USERNAME: 'root',
  MARZBAN_PASSWORD: 'correct horse',
}

function problemsOf(environment: Record<string, string | undefined>): string {
  try {
    readConfig(environment)
  } catch (error) {
    if (isLedgerError(error, 'config_invalid')) return error.message
    throw error
  }
  throw new Error('The configuration was accepted.')
}

/** The lines of a message that name a variable. */
function named(message: string): string[] {
  return [...message.matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name = '']) => name)
}

test('three variables are enough; the rest has defaults', () => {
  expect(readConfig(required)).toEqual({
    marzbanUrl: 'https://panel.example:8443/base',
    marzbanUsername: 'root',
    marzbanPassword: 'correct horse',
    panelCa: undefined,
    databaseUrl: undefined,
    dataDir: './data',
    host: '127.0.0.1',
    port: 8080,
    apiKey: undefined,
    pollIntervalSeconds: 15,
    scanIntervalSeconds: 600,
    panelLagMs: 30_000,
    panelTimeoutMs: 30_000,
    trustProxy: false,
    frontPrefixes: ['/api', '/sub', '/dashboard', '/statics'],
    corsOrigins: [],
    webhookSecret: undefined,
    logLevel: 'info',
  } satisfies Config)
})

test('what is set replaces the default, in the unit that the field names', () => {
  const config = readConfig({
    ...required,
    DATABASE_URL: 'postgres:///ledger?host=/run/postgresql',
    DATA_DIR: '/var/lib/ledger',
    HOST: '::',
    PORT: '0',
    API_KEY: 'k'.repeat(32),
    WEBHOOK_SECRET: 'w'.repeat(16),
    FRONT_PREFIXES: '/api, /my-sub',
    CORS_ORIGINS: 'https://panel.example, http://localhost:3000',
    POLL_INTERVAL: '1',
    SCAN_INTERVAL: '604800',
    PANEL_LAG: '0',
    MARZBAN_TIMEOUT: '5',
    LOG_LEVEL: 'debug',
  })
  expect(config).toMatchObject({
    databaseUrl: 'postgres:///ledger?host=/run/postgresql',
    dataDir: '/var/lib/ledger',
    host: '::',
    port: 0,
    apiKey: 'k'.repeat(32),
    pollIntervalSeconds: 1,
    scanIntervalSeconds: 604_800,
    panelLagMs: 0,
    panelTimeoutMs: 5_000,
    webhookSecret: 'w'.repeat(16),
    frontPrefixes: ['/api', '/my-sub'],
    corsOrigins: ['https://panel.example', 'http://localhost:3000'],
    logLevel: 'debug',
  })
})

test('empty counts as not set', () => {
  expect(readConfig({ ...required, API_KEY: '', PORT: '', DATABASE_URL: '' })).toEqual(readConfig(required))
  expect(named(problemsOf({ ...required, MARZBAN_PASSWORD: '' }))).toEqual(['MARZBAN_PASSWORD'])
})

test.each(['PORT', 'PANEL_LAG'])('%s of blanks alone counts as not set, and not as 0', (name) => {
  for (const blanks of [' ', '\t', ' \n'])
    expect(readConfig({ ...required, [name]: blanks })).toEqual(readConfig(required))
})

test('blanks alone are no name, password or file', () => {
  const message = problemsOf({ MARZBAN_URL: ' ', MARZBAN_USERNAME: ' ', MARZBAN_PASSWORD: '\t' })
  expect(named(message)).toEqual(['MARZBAN_URL', 'MARZBAN_USERNAME', 'MARZBAN_PASSWORD'])
  expect(message.match(/is missing/g)).toHaveLength(3)
  expect(readConfig({ ...required, DATA_DIR: ' ', MARZBAN_CA: ' ' })).toEqual(readConfig(required))
})

test("other programs' variables are left alone, and the environment is not changed", () => {
  const environment = Object.freeze({ ...required, PATH: '/bin', MARZBAN_COLOUR: 'blue' })
  expect(readConfig(environment)).toEqual(readConfig(required))
})

test('without any variable: the three that are missing, and how to see the service without them', () => {
  const message = problemsOf({})
  expect(named(message)).toEqual(['MARZBAN_URL', 'MARZBAN_USERNAME', 'MARZBAN_PASSWORD'])
  expect(message.match(/is missing/g)).toHaveLength(3)
  expect(message).toContain('npm run demo')
  expect(message).toContain('.env.example')
})

test('one message lists every problem, and no secret', () => {
  const message = problemsOf({
    MARZBAN_URL: 'https://root:hunter2@panel.example',
    MARZBAN_PASSWORD: 'hunter3',
    DATABASE_URL: 'mysql://ledger:hunter4@db/ledger',
    API_KEY: 'hunter5',
    HOST: 'http://localhost',
    PORT: '80a',
    POLL_INTERVAL: '1.5',
    SCAN_INTERVAL: '9',
    PANEL_LAG: '-1',
    MARZBAN_TIMEOUT: '0',
    TRUST_PROXY: 'everyone',
    LOG_LEVEL: 'loud',
  })
  expect(named(message)).toEqual([
    'MARZBAN_URL',
    'MARZBAN_USERNAME',
    'DATABASE_URL',
    'HOST',
    'PORT',
    'API_KEY',
    'POLL_INTERVAL',
    'SCAN_INTERVAL',
    'PANEL_LAG',
    'MARZBAN_TIMEOUT',
    'TRUST_PROXY',
    'LOG_LEVEL',
  ])
  expect(message).not.toContain('hunter')
  expect(message).toContain('PORT must be a whole number from 0 to 65535; it is "80a"')
  expect(message).toContain('SCAN_INTERVAL must be a whole number of seconds from 10 to 604800; it is "9"')
  expect(message).toContain('LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent')
})

test('a wrong value of a complete configuration does not send anyone to the demo', () => {
  expect(problemsOf({ ...required, PORT: '65536' })).not.toContain('npm run demo')
})

test.each([
  '*',
  'https://panel.example,*',
  'https://*.panel.example',
  'null',
  'panel.example',
  'https://panel.example/',
  'https://panel.example/app',
  'https://Panel.example',
  'https://panel.example:443',
  'https://root@panel.example',
  'ftp://panel.example',
  'https://bücher.example',
  'https://panel.example,',
])('CORS_ORIGINS refuses %s: no browser sends that, or every page could use a key', (value) => {
  expect(problemsOf({ ...required, CORS_ORIGINS: value })).toContain(
    'CORS_ORIGINS must be origins like https://panel.example, as browsers send them, separated by commas; not *, because callers send keys; ' +
      `it is ${JSON.stringify(value)}`,
  )
})

describe('the front', () => {
  test('is off with FRONT=off', () => {
    expect(readConfig({ ...required, FRONT: 'off' }).frontPrefixes).toEqual([])
  })

  test.each(['api', '/', '/a/../b', '/a//b', '/%61pi', '/api,', '/a b', '/:x', '/*'])(
    'does not take the prefix %s',
    (value) => {
      expect(named(problemsOf({ ...required, FRONT_PREFIXES: value }))).toEqual(['FRONT_PREFIXES'])
    },
  )

  test('leaves all paths of the service to the service', () => {
    const { paths } = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as { paths: object }
    const own = new Set([...Object.keys(paths), '/docs', '/openapi.json'].map((path) => path.split('/')[1]))
    for (const first of own) {
      expect(named(problemsOf({ ...required, FRONT_PREFIXES: `/api,/${first}` }))).toEqual(['FRONT_PREFIXES'])
    }
  })
})

describe('TRUST_PROXY', () => {
  test.each([
    ['true', true],
    ['false', false],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, 2001:db8::/32,loopback', ['10.0.0.0/8', '2001:db8::/32', 'loopback']],
  ])('%s', (value, expected) => {
    expect(readConfig({ ...required, TRUST_PROXY: value }).trustProxy).toEqual(expected)
  })

  // Fastify would trust nobody when given a number of hops, and throw at the ranges.
  test.each(['1', 'proxy.example', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.0/8/8', '::1/129', '10.0.0.1,'])(
    '%s is refused',
    (value) => {
      expect(named(problemsOf({ ...required, TRUST_PROXY: value }))).toEqual(['TRUST_PROXY'])
    },
  )
})

test.each([
  ['MARZBAN_URL', 'panel.example'],
  ['MARZBAN_URL', 'ftp://panel.example'],
  ['MARZBAN_URL', 'https://panel.example/?token=1'],
  ['MARZBAN_URL', 'https://panel.example/#/login'],
  ['MARZBAN_URL', 'https://'],
  ['DATABASE_URL', 'postgres'],
  ['DATABASE_URL', 'https://db.example'],
  // Of a password that is not encoded, the driver would take the rest for a port, a path, a fragment or a setting.
  ['DATABASE_URL', 'postgres://ledger:2024#hunter2@db/ledger'],
  ['DATABASE_URL', 'postgres://ledger:2024/hunter2@db/ledger'],
  ['DATABASE_URL', 'postgres://ledger:2024?hunter2@db/ledger'],
  ['API_KEY', 'k'.repeat(31)],
  ['API_KEY', `${'k'.repeat(32)} k`],
  ['PORT', '-1'],
  ['PORT', 'http'],
  // A deletion on which nobody has made a mark for fifteen minutes counts as abandoned.
  ['MARZBAN_TIMEOUT', '121'],
])('%s=%s is refused', (name, value) => {
  const message = problemsOf({ ...required, [name]: value })
  expect(named(message)).toEqual([name])
})

test.each(['unix:/run/marzban.sock', 'unix:///run/marzban.sock', 'unix:/run/marzban.sock:/base'])(
  'MARZBAN_URL may name a socket file: %s',
  (MARZBAN_URL) => expect(readConfig({ ...required, MARZBAN_URL }).marzbanUrl).toBe(MARZBAN_URL),
)

test.each([
  'unix:',
  'unix:run/marzban.sock',
  'unix:/run/x?y',
  `unix:/${'x'.repeat(103)}`,
  'http+unix:/run/x',
])('and it must be one that the system can use: %s', (MARZBAN_URL) =>
  expect(named(problemsOf({ ...required, MARZBAN_URL }))).toEqual(['MARZBAN_URL']),
)
