import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { buildBundle } from '../scripts/build.ts'
import { Environment } from '../src/config.ts'
import { shippedEnvironment } from './support/shipped-environment.ts'

const root = path.join(import.meta.dirname, '..')

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

type Copy = { stage: number; from: string | undefined; sources: string[]; target: string }

/** The COPY instructions of the Dockerfile, each with the number of its stage. */
function copiesOf(dockerfile: string): Copy[] {
  let stage = -1
  return dockerfile.split('\n').flatMap((line) => {
    if (line.startsWith('FROM ')) stage += 1
    const [instruction, ...words] = line.split(/\s+/)
    if (instruction !== 'COPY') return []
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length)
    const paths = words.filter((word) => !word.startsWith('--'))
    return [{ stage, from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' }]
  })
}

/** The packages of `npm ci --omit=dev --omit=optional`, as paths under the root. */
function servicePackages(): string[] {
  type Locked = { dev?: boolean; optional?: boolean; devOptional?: boolean }
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }
  return Object.entries(packages)
    .filter(([name, { dev, optional, devOptional }]) => name !== '' && !dev && !optional && !devOptional)
    .map(([name]) => name)
}

describe('the image', () => {
  const dockerfile = read('Dockerfile')
  const copies = copiesOf(dockerfile)
  const fromHere = copies.filter((copy) => copy.from === undefined)
  const lastStage = Math.max(...copies.map((copy) => copy.stage))
  const image = mkdtempSync(path.join(tmpdir(), 'image-'))

  test('sets for the C library what the scripts of package.json set', () => {
    const shipped = shippedEnvironment('start:built')
    expect(Object.keys(shipped)).not.toHaveLength(0)
    expect(shippedEnvironment('start')).toEqual(shipped)
    for (const [name, value] of Object.entries(shipped)) expect(dockerfile).toMatch(`${name}=${value}`)
  })

  beforeAll(async () => {
    for (const { stage, sources, target } of fromHere) {
      if (stage !== lastStage) continue
      for (const source of sources) {
        const destination = target.endsWith('/') ? path.join(target, source) : target
        cpSync(path.join(root, source), path.join(image, destination), { recursive: true })
      }
    }
    for (const name of servicePackages()) {
      const from = path.join(root, name)
      const isOwn = (file: string) => !file.slice(from.length).includes(`${path.sep}node_modules`)
      cpSync(from, path.join(image, name), { recursive: true, filter: isOwn })
    }
    expect(copies).toContainEqual(
      expect.objectContaining({ stage: lastStage, from: 'build', sources: ['/app/dist'], target: './dist' }),
    )
    await buildBundle(path.join(image, 'dist'))
  })
  afterAll(() => rmSync(image, { recursive: true }))

  test('the image is made of files that exist and that .dockerignore does not exclude', () => {
    const sources = fromHere.flatMap((copy) => copy.sources)
    expect(sources).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'src', 'db']))
    const ignore = read('.dockerignore').split('\n')
    expect(ignore).toContain('*')
    for (const source of sources) {
      expect(existsSync(path.join(root, source)), source).toBe(true)
      expect(ignore).toContain(`!${source}`)
    }
  })

  test('the image runs as an ordinary user, on the same Node as the scripts', () => {
    expect(dockerfile).toMatch(/^USER node$/m)
    const major = process.versions.node.split('.')[0]
    for (const [, base] of dockerfile.matchAll(/^FROM (\S+)/gm)) expect(base).toBe(`node:${major}-slim`)
  })

  /** The arguments of `node` in an instruction of the last stage. */
  const argumentsOf = (instruction: string): string[] => {
    const [, command = ''] = dockerfile.match(new RegExp(`^${instruction} (\\[.*\\])$`, 'm')) ?? []
    const [program, ...args] = JSON.parse(command) as string[]
    expect(program).toBe('node')
    return args
  }

  test('the image starts from the copied files alone, and names the missing variables', async () => {
    const { code, stderr } = await run(argumentsOf('CMD'), { cwd: image, env: {} })
    expect(stderr.match(/^ {2}[A-Z_]+(?= is missing)/gm)?.map((name) => name.trim())).toEqual([
      'MARZBAN_URL',
      'MARZBAN_USERNAME',
      'MARZBAN_PASSWORD',
    ])
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(code).toBe(1)
  })

  test('the image compiles at build time, not at start', async () => {
    const compiled = path.join(image, 'compiled')
    const env = { NODE_COMPILE_CACHE: compiled }
    expect(dockerfile.indexOf('\nRUN ["node"')).toBeGreaterThan(dockerfile.indexOf('\nUSER node'))
    expect(await run(argumentsOf('RUN'), { cwd: image, env })).toMatchObject({ code: 0 })
    const files = () => readdirSync(compiled, { recursive: true }).length
    const built = files()
    expect(built).toBeGreaterThan(5)
    await run(argumentsOf('CMD'), { cwd: image, env })
    expect(files()).toBe(built)
  })
})

function run(args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
  return new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { ...options, timeout: 30_000 }, (error, _stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stderr })
    })
  })
}

describe('.env.example', () => {
  const entries = [...read('.env.example').matchAll(/^(#?)([A-Z_]+)=(.*)$/gm)]
  const examples = new Map(
    entries.map(([, off, name = '', value = '']) => [name, { off: off === '#', value }]),
  )

  test('.env.example names exactly the variables of the configuration, and the password for docker-compose.yml', () => {
    const ours = entries.map(([, , name]) => name).filter((name) => name !== 'POSTGRES_PASSWORD')
    expect(ours.sort()).toEqual(Object.keys(Environment.properties).sort())
  })

  test('.env.example sets only required variables, and shows the defaults of the others', () => {
    for (const [name, schema] of Object.entries(Environment.properties)) {
      const missing = Environment.required.some((required) => required === name) && !('default' in schema)
      expect(examples.get(name)?.off, name).toBe(!missing)
      if ('default' in schema) expect(examples.get(name)?.value, name).toBe(String(schema.default))
    }
  })

  test('.env.example explains each variable in a comment right above it', () => {
    const lines = read('.env.example').split('\n')
    for (const [entry] of entries) expect(lines[lines.indexOf(entry) - 1], entry).toMatch(/^# /)
  })
})

describe('docker-compose.yml', () => {
  type Service = {
    profiles?: string[]
    environment?: Record<string, string>
    depends_on?: Record<string, { condition: string }>
    healthcheck?: unknown
    volumes?: string[]
    restart?: string
  }
  const text = read('docker-compose.yml')
  const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> }

  test('docker-compose.yml runs the service with a healthy PostgreSQL, and a panel only on request', () => {
    const { ledger, postgres, marzban, ...others } = compose.services
    expect(others).toEqual({})
    expect(ledger?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
    expect(postgres?.healthcheck).toBeDefined()
    expect(marzban?.profiles).toEqual(['marzban'])
    for (const service of Object.values(compose.services)) expect(service.restart).toBe('unless-stopped')
  })

  test('docker-compose.yml keeps data in volumes that it declares', () => {
    const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes)
    expect(mounted.map((volume) => volume.split(':')[0]).sort()).toEqual(Object.keys(compose.volumes).sort())
  })

  test('docker-compose.yml sets variables that the service knows, and uses only variables of .env.example', () => {
    expect(Object.keys(Environment.properties)).toEqual(
      expect.arrayContaining(Object.keys(compose.services.ledger?.environment ?? {})),
    )
    const taken = [...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name)
    expect(taken).toContain('POSTGRES_PASSWORD')
    const offered = [...read('.env.example').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name)
    expect(offered).toEqual(expect.arrayContaining(taken))
  })
})
