import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type Answer, internalServerError } from './answer.ts'
import { type Sudo, Tokens } from './auth.ts'
import { Core, costOf } from './costs.ts'
import { type Fault, Faults } from './faults.ts'
import { LateEffects } from './late.ts'
import { serveLogs } from './logs.ts'
import type { User } from './records.ts'
import { type Release, traitsOf } from './release.ts'
import { makeSecret } from './secrets.ts'
import { pathOf, type Request, serve } from './serve.ts'
import { PanelState, type StateOptions } from './state.ts'

export type PanelOptions = StateOptions & {
  /** The account of the panel's environment; root unless given. */
  sudo?: Sudo
  /** Whether answers take as long as a real panel's. */
  costs?: boolean
  /** Which Marzban it is; 0.8.4 unless given. */
  release?: Release
  /** False: it keeps no usage of admins, and is a 0.8.4 in all else. */
  hasUsage?: boolean
  port?: number
}

export type RequestLogEntry = { method: string; path: string; as: string | null; status: number }

export type StandInPanel = {
  url: string
  state: PanelState
  tokens: Tokens
  faults: Faults
  /** What it still does after its caller has given up: of faults with `acts: 'late'`. */
  late: LateEffects
  sudo: Sudo
  /** Requests the panel has acted on, in their order. */
  requests: RequestLogEntry[]
  /** How many connections to it are open. */
  connections(): number
  /** Stops listening and cuts all connections, as a panel that is down; `up` brings it back at the same address. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/** Starts a Marzban as far as the ledger meets it: over real HTTP, in memory. */
export async function startPanel(options: PanelOptions = {}): Promise<StandInPanel> {
  const sudo = options.sudo ?? { username: 'root', password: makeSecret() }
  const state = new PanelState(options)
  const tokens = new Tokens(state, sudo)
  const faults = new Faults()
  const requests: RequestLogEntry[] = []
  const core = new Core()
  const late = new LateEffects()
  const traits = traitsOf(options.release ?? '0.8.4')
  const context = { state, tokens, ...traits, hasUsage: options.hasUsage ?? traits.hasUsage }

  const act = async (request: Request): Promise<Answer> => {
    const { answer, path, as } = serve(context, request)
    requests.push({ method: request.method, path, as, status: answer.status })
    if (options.costs) await core.spend(costOf(request.method, path, answer, state.admins.size))
    return answer
  }
  const userOf = ({ target }: Request) => state.find(/^\/api\/user\/([^/]+)/.exec(pathOf(target))?.[1] ?? '')
  const server = createServer((incoming, response) => {
    // The panel's own clock, which may be wrong.
    response.setHeader('date', new Date(state.now()).toUTCString())
    handle(incoming, response, { faults, late, act, userOf }).catch((error: unknown) => {
      console.error('the stand-in panel failed', error)
      incoming.socket.destroy()
    })
  })
  serveLogs(server, tokens)
  const connections = new Set<Socket>()
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  const down = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of connections) socket.destroy()
    await closed
  }
  await listen(options.port ?? 0)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    tokens,
    faults,
    late,
    sudo,
    requests,
    connections: () => connections.size,
    down,
    up: () => listen(port),
    close: async () => {
      late.forget()
      await down()
    },
  }
}

type Handling = {
  faults: Faults
  late: LateEffects
  act: (request: Request) => Promise<Answer>
  /** Whom a request is about. */
  userOf: (request: Request) => User | undefined
}

/** Connections that break when the next request arrives on them. */
const doomed = new WeakSet<Socket>()
let drops = 0

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  { faults, late, act, userOf }: Handling,
): Promise<void> {
  const { socket } = incoming
  if (doomed.has(socket)) {
    socket.destroy()
    return
  }
  const request = await readRequest(incoming)
  const fault = faults.take(request.method, request.target.split('?')[0] ?? '')
  if (fault?.kind === 'delay') await setTimeout(fault.ms)
  if (fault?.kind === 'hook') await fault.before?.()
  const acted = isSpared(fault) || fault.acts === true ? await act(request) : null
  if (!isSpared(fault) && fault.acts === 'late') {
    const user = userOf(request)
    const isSame = () => !fault.toSame || userOf(request) === user
    late.add(async () => isSame() && (await act(request)), fault.lateMs)
  }
  if (!isSpared(fault)) return goWrong(fault, acted, response)
  if (!acted) return
  await send(response, acted)
  if (fault?.kind === 'hook') await fault.after?.()
}

type Failing = Exclude<Fault, { kind: 'delay' } | { kind: 'hook' }>

function isSpared(fault: Fault | null): fault is Exclude<Fault, Failing> | null {
  return fault === null || fault.kind === 'delay' || fault.kind === 'hook'
}

function goWrong(fault: Failing, acted: Answer | null, response: ServerResponse): void {
  if (fault.kind === 'cut') response.socket?.resetAndDestroy()
  if (fault.kind === 'answer') {
    const { status, headers = { 'content-type': 'application/json' }, body = '{"detail":"fault"}' } = fault
    const isPanels500 = status === 500 && fault.body === undefined
    void send(response, isPanels500 ? internalServerError : { status, headers, body })
  }
  if (fault.kind === 'half-body') {
    const body = Buffer.from(acted?.body ?? '{"detail": "User successfully deleted"}')
    response.writeHead(acted?.status ?? 200, {
      'content-type': 'application/json',
      'content-length': body.length,
    })
    response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy())
  }
}

/** After a 500 the panel drops the connection: at once, or only when the next request arrives on it. */
async function send(response: ServerResponse, answer: Answer): Promise<void> {
  const { socket } = response
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) })
  await new Promise<void>((resolve) => {
    response.on('close', resolve)
    response.end(answer.body)
  })
  if (!answer.dropsConnection || !socket) return
  drops += 1
  if (drops % 2 === 0) socket.destroy()
  else doomed.add(socket)
}

async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return {
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    host: incoming.headers.host ?? '',
    authorization: incoming.headers.authorization,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}
