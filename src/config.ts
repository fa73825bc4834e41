import { isIP } from 'node:net'
import { envSchema } from 'env-schema'
import ipaddr from 'ipaddr.js'
import { type Static, type TSchema, Type } from 'typebox'
import { LedgerError } from './errors.ts'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/**
 * Every variable that the service reads. A description completes the sentence "it must be ...". No message repeats the
 * value of a `writeOnly` variable.
 */
export const Environment = Type.Object({
  MARZBAN_URL: Type.String({
    format: 'panel-url',
    description:
      'the http:// or https:// address of the panel, without credentials, query or fragment, or unix:/path/to.sock',
    // The address is no secret, but somebody may have put a password into it.
    writeOnly: true,
  }),
  MARZBAN_USERNAME: Type.String({ description: 'the name of a sudo admin of the panel' }),
  MARZBAN_PASSWORD: Type.String({ description: "that admin's password", writeOnly: true }),
  MARZBAN_CA: Type.Optional(Type.String({ description: 'a file with certificates, as PEM or DER' })),
  DATABASE_URL: Type.Optional(
    Type.String({
      format: 'postgres-url',
      description: 'a postgres:// or postgresql:// address; percent-encode reserved characters',
      writeOnly: true,
    }),
  ),
  DATA_DIR: Type.String({ default: './data', description: 'a directory' }),
  HOST: Type.String({
    pattern: '^[^\\s/]+$',
    default: '127.0.0.1',
    description: 'an address or a host name',
  }),
  PORT: whole({ minimum: 0, maximum: 65_535, default: 8080 }),
  API_KEY: Type.Optional(
    Type.String({
      pattern: '^[!-~]{32,}$',
      description: 'at least 32 ASCII characters without spaces; make one with `openssl rand -hex 32`',
      writeOnly: true,
    }),
  ),
  POLL_INTERVAL: seconds({ minimum: 1, maximum: 3600, default: 15 }),
  SCAN_INTERVAL: seconds({ minimum: 10, maximum: 7 * 86_400, default: 600 }),
  PANEL_LAG: seconds({ minimum: 0, maximum: 3600, default: 30 }),
  // All calls of one deletion must end before the deletion counts as abandoned; see `workIsUnderWay`.
  MARZBAN_TIMEOUT: seconds({ minimum: 1, maximum: 120, default: 30 }),
  TRUST_PROXY: Type.String({
    format: 'trusted-proxies',
    default: 'false',
    description: 'true, false, or the addresses or CIDR ranges of the proxies, separated by commas',
  }),
  FRONT: Type.Enum(['on', 'off'], { default: 'on', description: 'on or off' }),
  FRONT_PREFIXES: Type.String({
    format: 'prefixes',
    default: '/api,/sub,/dashboard,/statics',
    description: 'paths like /api, separated by commas, without paths of the service itself',
  }),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      format: 'origins',
      description:
        'origins like https://panel.example, as browsers send them, separated by commas; not *, because callers send keys',
    }),
  ),
  WEBHOOK_SECRET: Type.Optional(
    Type.String({
      pattern: '^[!-~]{16,}$',
      description: 'at least 16 ASCII characters without spaces',
      writeOnly: true,
    }),
  ),
  LOG_LEVEL: Type.Enum(logLevels, { default: 'info', description: `one of ${logLevels.join(', ')}` }),
})

/** The checked configuration, with defaults. */
export type Config = {
  /** An http or https address, or `unix:` and a socket file. Its path, if any, comes before the panel's own paths. */
  marzbanUrl: string
  marzbanUsername: string
  marzbanPassword: string
  /** A file with certificates that the panel's may be signed by, besides those that this machine trusts. */
  panelCa: string | undefined
  /** Undefined: the embedded PostgreSQL under `dataDir`. */
  databaseUrl: string | undefined
  dataDir: string
  host: string
  /** 0: the system chooses a free port. */
  port: number
  /** The operator's key: its holder has the rights of a sudo admin. */
  apiKey: string | undefined
  pollIntervalSeconds: number
  scanIntervalSeconds: number
  panelLagMs: number
  panelTimeoutMs: number
  /** A value for Fastify's `trustProxy`: everyone, nobody, or a list of addresses and ranges. */
  trustProxy: boolean | string[]
  /** The service forwards requests under these paths to the panel. Empty: it forwards nothing. */
  frontPrefixes: string[]
  /** The origins of web pages that may call the service. */
  corsOrigins: string[]
  /** Undefined: the service refuses webhooks. */
  webhookSecret: string | undefined
  logLevel: (typeof logLevels)[number]
}

/**
 * Reads the service's configuration from `environment`. A variable that is empty, or blanks alone, counts as not set: as a
 * number, it would be 0.
 *
 * @throws `config_invalid` with one line for each problem: the variable's name and a right value. It never repeats a secret.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const values = check(environment)
  return {
    marzbanUrl: values.MARZBAN_URL,
    marzbanUsername: values.MARZBAN_USERNAME,
    marzbanPassword: values.MARZBAN_PASSWORD,
    panelCa: values.MARZBAN_CA,
    databaseUrl: values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    host: values.HOST,
    port: values.PORT,
    apiKey: values.API_KEY,
    pollIntervalSeconds: values.POLL_INTERVAL,
    scanIntervalSeconds: values.SCAN_INTERVAL,
    panelLagMs: values.PANEL_LAG * 1000,
    panelTimeoutMs: values.MARZBAN_TIMEOUT * 1000,
    trustProxy: readTrustedProxies(values.TRUST_PROXY),
    frontPrefixes: values.FRONT === 'on' ? listOf(values.FRONT_PREFIXES) : [],
    corsOrigins: values.CORS_ORIGINS === undefined ? [] : listOf(values.CORS_ORIGINS),
    webhookSecret: values.WEBHOOK_SECRET,
    logLevel: values.LOG_LEVEL,
  }
}

function whole(range: { minimum: number; maximum: number; default: number }, of = '') {
  return Type.Integer({
    ...range,
    description: `a whole number ${of}from ${range.minimum} to ${range.maximum}`,
  })
}

function seconds(range: { minimum: number; maximum: number; default: number }) {
  return whole(range, 'of seconds ')
}

const formats = {
  'panel-url': (value: string) =>
    isSocketFile(value) || (isUrl(value, 'http:', 'https:') && !/[@?#]/.test(value)),
  'postgres-url': (value: string) => isUrl(value, 'postgres:', 'postgresql:') && !hasStrayPassword(value),
  origins: (value: string) => listOf(value).every(isOrigin),
  prefixes: (value: string) => listOf(value).every(isFrontPrefix),
  'trusted-proxies': (value: string) => {
    const proxies = readTrustedProxies(value)
    return typeof proxies === 'boolean' || proxies.every(isAddressOrRange)
  },
}

function check(environment: Record<string, string | undefined>): Static<typeof Environment> {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  try {
    return envSchema<Static<typeof Environment>>({
      schema: Environment,
      data: set,
      env: false,
      ajv: {
        customOptions: (ajv) => {
          for (const [name, matches] of Object.entries(formats)) ajv.addFormat(name, matches)
          return ajv
        },
      },
    })
  } catch (error) {
    if (!hasFailures(error)) throw error
    throw new LedgerError('config_invalid', describe(error.errors, set))
  }
}

/** One entry of env-schema's error: there is at least one for each wrong variable. */
type Failure = { instancePath: string; params: { missingProperty?: string } }

function hasFailures(error: unknown): error is Error & { errors: Failure[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

function describe(failures: Failure[], set: Record<string, string | undefined>): string {
  const wrong = new Set(
    failures.map(({ params, instancePath }) => params.missingProperty ?? instancePath.slice(1)),
  )
  const schemas: [string, TSchema & { description?: string; writeOnly?: boolean }][] = Object.entries(
    Environment.properties,
  )
  const problems = schemas
    .filter(([name]) => wrong.has(name))
    .map(([name, { description, writeOnly }]) => {
      if (!set[name]) return `  ${name} is missing; it must be ${description}`
      return `  ${name} must be ${description}${writeOnly ? '' : `; it is ${JSON.stringify(set[name])}`}`
    })
  const remedies = ['Set them in the environment or in .env. .env.example explains each variable.']
  if (Environment.required.some((name) => wrong.has(name) && !set[name])) {
    remedies.push('To try the service without a panel: npm run demo')
  }
  return ['The configuration is not valid:', ...problems, ...remedies].join('\n')
}

function isUrl(value: string, ...protocols: string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol)
}

/**
 * Whether a password stands where it is not one, since its `#`, `/` or `?` was not encoded: what precedes that looks like a
 * port.
 */
function hasStrayPassword(value: string): boolean {
  const { pathname, hash, searchParams } = new URL(value)
  return hash !== '' || [pathname, ...searchParams.keys()].some((part) => part.includes('@'))
}

/** The system cuts the path of a socket file after these bytes: macOS has the fewest. */
const longestSocketPath = 103

/** Perhaps with a base path after another colon. */
function isSocketFile(value: string): boolean {
  const [, file] = /^unix:(?:\/\/)?(\/[^?#]+?)(?::\/[^:?#]*)?$/.exec(value) ?? []
  return file !== undefined && Buffer.byteLength(file) <= longestSocketPath
}

/** A number of hops is not accepted: Fastify refuses it, because a direct client could then claim any address. */
function readTrustedProxies(value: string): boolean | string[] {
  if (value === 'true' || value === 'false') return value === 'true'
  return listOf(value)
}

/** In the only spelling that a browser sends. Another spelling would never match. */
function isOrigin(origin: string): boolean {
  return isUrl(origin, 'http:', 'https:') && new URL(origin).origin === origin && !origin.includes('*')
}

function listOf(value: string): string[] {
  return value.split(',').map((item) => item.trim())
}

/** The paths of the service itself. */
const ownPaths =
  /^\/(admins|api-keys|audit|deletions|docs|healthz|metrics|openapi(-3\.0)?\.json|readyz|sync|users|webhooks)(\/|$)/

function isFrontPrefix(prefix: string): boolean {
  return /^(\/[a-z0-9_-][a-z0-9._-]*)+$/i.test(prefix) && !ownPaths.test(prefix)
}

/** A range of 0 bits is refused: it means everybody, and `true` says so. */
function isAddressOrRange(proxy: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(proxy)) return true
  const [address = '', ...range] = proxy.split('/')
  if (isIP(address) === 0) return false
  return range.length === 0 || (ipaddr.isValidCIDR(proxy) && ipaddr.parseCIDR(proxy)[1] > 0)
}
