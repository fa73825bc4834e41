import { contains } from '../stand-in/names.ts'
import type { Reply, Request } from './exchange.ts'
import type { Samples, VirtualPanel } from './panel.ts'
import type { ServiceChange } from './services.ts'
import { type Spoil, spoilt } from './spoil.ts'

/** What is told of the panel's answers, and of what it is about to do. */
export type Told = {
  samples: Samples
  /** Which operation asks. */
  by: string
  /** When the operation began, as {@link VirtualPanel.told} counts. */
  since: number
  /** Whether the service asks by itself, not for a caller. */
  isService: boolean
  /** Whether nobody waits for the answer any more. */
  isLate: boolean
  /** Users that the panel calls expired. */
  expired: readonly string[]
  before: (act: Act) => Promise<void>
}

/** What the panel is about to do, with the names as it has them, not as they were asked for. */
export type Act =
  | { of: 'delete user'; user: string }
  | { of: 'delete admin' | 'reset usage'; admin: string }
  | { of: 'move user'; user: string }

type Call = Request & Told & { panel: VirtualPanel; name: string }
type Handler = (call: Call) => Reply | Promise<Reply>

const routes: { method: string; pattern: RegExp; handle: Handler }[] = [
  { method: 'POST', pattern: /^\/api\/admin\/token$/, handle: () => json({ access_token: environment }) },
  { method: 'GET', pattern: /^\/api\/admin$/, handle: (call) => json(adminOf(call.panel, call.as, null)) },
  { method: 'GET', pattern: /^\/api\/system$/, handle: () => json({ version: '0.8.4' }) },
  { method: 'GET', pattern: /^\/api\/admins$/, handle: listAdmins },
  { method: 'GET', pattern: /^\/api\/admin\/usage\/([^/]+)$/, handle: showUsage },
  { method: 'POST', pattern: /^\/api\/admin\/([^/]+)\/users\/disable$/, handle: disableUsers },
  { method: 'POST', pattern: /^\/api\/admin\/usage\/reset\/([^/]+)$/, handle: resetUsage },
  { method: 'DELETE', pattern: /^\/api\/admin\/([^/]+)$/, handle: deleteAdmin },
  { method: 'GET', pattern: /^\/api\/users$/, handle: listUsers },
  { method: 'GET', pattern: /^\/api\/users\/expired$/, handle: listExpired },
  { method: 'POST', pattern: /^\/api\/users\/reset$/, handle: resetAll },
  { method: 'GET', pattern: /^\/api\/user\/([^/]+)$/, handle: showUser },
  { method: 'DELETE', pattern: /^\/api\/user\/([^/]+)$/, handle: deleteUser },
  { method: 'PUT', pattern: /^\/api\/user\/([^/]+)\/set-owner$/, handle: moveUser },
  { method: 'PUT', pattern: /^\/api\/user\/([^/]+)$/, handle: changeService },
]

/** The account of the panel's environment, which no list has. */
export const environment = 'root' as const

/** What the panel does with a request, and says to it: Marzban's forms, exactly. */
export async function answer(panel: VirtualPanel, request: Request, told: Told): Promise<Reply> {
  const route = routes.find(({ method, pattern }) => method === request.method && pattern.test(request.path))
  if (!route) throw new Error(`the simulated panel has no ${request.method} ${request.path}`)
  const name = decodeURIComponent(route.pattern.exec(request.path)?.[1] ?? '')
  const reply = await route.handle({ ...request, ...told, panel, name })
  return { ...reply, date: Math.floor(panel.clock() / 1_000) * 1_000 }
}

const internalError: Reply = { status: 500, contentType: 'text/plain', text: 'Internal Server Error' }
const noUser = json({ detail: 'User not found' }, 404)
const noAdmin = json({ detail: 'Admin not found' }, 404)

function json(body: unknown, status = 200): Reply {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
  const text = JSON.stringify(body, (_, value: unknown) =>
    typeof value === 'bigint' ? rawJSON(String(value)) : value,
  )
  return { status, contentType: 'application/json', text }
}

function adminOf(panel: VirtualPanel, username: string, usage = panel.usage.get(username) ?? null) {
  const known = panel.hasUsage ? usage : null
  return {
    username,
    is_sudo: username === environment,
    telegram_id: null,
    discord_webhook: null,
    users_usage: known,
  }
}

function listAdmins({ panel, query, samples }: Call): Reply {
  panel.told += 1
  const part = query.get('username') ?? ''
  const names = [...panel.usage.keys()].filter((name) => contains(panel.database, name, part))
  for (const admin of panel.hasUsage ? names : []) {
    samples.usage.push({ admin, bytes: panel.usage.get(admin) ?? 0n, at: panel.told })
  }
  const odd = panel.hasOddAdmins && part === '' ? oddAdmins : []
  return json([...odd, ...names.map((name) => adminOf(panel, name))])
}

/** Nobody can count for these, and they keep nobody else from being counted. */
const oddAdmins = [
  { username: '', is_sudo: false, users_usage: 1 },
  { username: 'nul\u0000', is_sudo: false, users_usage: 1 },
  { username: 'half\ud800', is_sudo: false, users_usage: 1 },
  { username: 'beyond', is_sudo: false, users_usage: 2n ** 63n },
  { is_sudo: false, users_usage: 1 },
]

function showUsage({ panel, name }: Call): Reply {
  const admin = panel.adminNamed(name)
  return admin === undefined ? noAdmin : json(panel.usage.get(admin))
}

async function resetUsage({ panel, name, before }: Call): Promise<Reply> {
  const admin = panel.adminNamed(name)
  if (admin === undefined) return noAdmin
  await before({ of: 'reset usage', admin })
  panel.resetUsage(admin)
  return json(adminOf(panel, admin))
}

async function deleteAdmin({ panel, name, before }: Call): Promise<Reply> {
  const admin = panel.adminNamed(name)
  if (admin === undefined) return noAdmin
  await before({ of: 'delete admin', admin })
  panel.deleteAdmin(admin)
  return json({ detail: 'Admin removed successfully' })
}

function listUsers(call: Call): Reply {
  const { panel, query } = call
  const owners = query.getAll('admin').map((name) => panel.adminNamed(name))
  const names = query.getAll('username')
  const statuses = query.getAll('status')
  const users = panel
    .report()
    .filter(({ owner }) => owners.length === 0 || (owner !== null && owners.includes(owner)))
    .filter(({ id }) => statuses.length === 0 || statuses.includes(panel.services.of(id).status))
    .filter(({ name }) => names.length === 0 || names.some((one) => panel.userNamed(one)?.name === name))
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  const offset = Number(query.get('offset') ?? 0)
  const page = users.slice(offset, offset + Number(query.get('limit') ?? users.length))
  if (page.some(({ id }) => panel.spoils.get(id) === 'breaks')) return internalError
  const shownTwice = (user: Shown) => (panel.database === 'sqlite' ? panel.resets.takeShownTwice(user) : 0n)
  return json({ users: page.map((user) => tell(call, user, shownTwice(user))), total: users.length })
}

function showUser(call: Call): Reply {
  const { panel, name } = call
  const user = panel.report().find((one) => one.name === panel.userNamed(name)?.name)
  if (!user) {
    panel.told += 1
    call.samples.gone.push({ name, at: panel.told })
    return noUser
  }
  if (panel.spoils.get(user.id) === 'breaks') return internalError
  return json(tell(call, user))
}

type Shown = ReturnType<VirtualPanel['report']>[number]

/** `shownTwice`: bytes that the answer has twice; then it must not be believed. */
function tell({ panel, samples, expired }: Call, user: Shown, shownTwice = 0n) {
  panel.told += 1
  if (shownTwice === 0n) samples.users.push({ user, at: panel.told })
  const spoil: Spoil | undefined = panel.spoils.get(user.id)
  const { status, duration, timeout } = panel.services.of(user.id)
  return {
    username: user.name,
    created_at: user.createdAt.replace(' ', 'T'),
    status: expired.includes(user.name) ? 'expired' : status,
    on_hold_expire_duration: duration,
    on_hold_timeout: timeout,
    lifetime_used_traffic: user.lifetime + shownTwice,
    used_traffic: shownTwice > 0n ? shownTwice : panel.resets.usedOf(user),
    data_limit: null,
    expire: null,
    admin: user.owner === null ? null : adminOf(panel, user.owner),
    ...(spoil && spoilt(spoil)),
  }
}

async function deleteUser({ panel, name, by, before }: Call): Promise<Reply> {
  const user = panel.userNamed(name)
  if (!user) return noUser
  await before({ of: 'delete user', user: user.name })
  panel.remove(user.name)
  panel.deleted.set(user.createdAt, { by, owner: user.owner })
  // The panel stumbles over the missing owner when it has deleted the user.
  return user.owner === null ? internalError : json({ detail: 'User successfully deleted' })
}

/** The answer of a panel that wants a duration for who waits, and gets none. */
const noDuration = json({ detail: 'User cannot be on hold without a valid on_hold_expire_duration.' }, 400)

function changeService(call: Call): Reply {
  const { panel, name, isService, samples } = call
  const user = panel.userNamed(name)
  if (!user) return noUser
  const spoil = panel.spoils.get(user.id)
  if (spoil === 'breaks' || spoil === 'cannot be changed') return internalError
  const change = changeIn(JSON.parse(call.json ?? '{}'))
  const { services } = panel
  const isDone = isService
    ? services.changeByService(user.id, change)
    : services.change(user.id, change, change.status === 'disabled')
  if (!isDone) return noDuration
  // A request names its user, and the panel has another one of the name by now: nobody knows what was done to that.
  const told = samples.users.findLast((sample) => sample.user.name === user.name)
  const isAnother = told !== undefined && told.user.id !== user.id
  // Who is given back late, after somebody else has disabled it, cannot be told from who was enabled again.
  const isGivenBackLate = call.isLate && change.status !== 'disabled'
  if (isService && (isAnother || isGivenBackLate)) services.mayBeMeant(user.id, services.of(user.id))
  if (!isService) samples.edits.push({ id: user.id, changes: services.changesOf(user.id) })
  return showUser({ ...call, name: user.name })
}

/** Of a user that is disabled already, too, somebody wants it so. */
function disableUsers({ panel, name, samples }: Call): Reply {
  const admin = panel.adminNamed(name)
  if (admin === undefined) return noAdmin
  const { services } = panel
  for (const { id, owner } of panel.report()) {
    if (owner !== admin) continue
    services.change(id, { status: 'disabled' }, true)
    samples.edits.push({ id, changes: services.changesOf(id) })
  }
  return json({ detail: 'Users successfully disabled' })
}

/** What the body of a PUT asks for. */
function changeIn(body: Record<string, unknown>): ServiceChange {
  const { status, on_hold_expire_duration: duration, on_hold_timeout: timeout } = body
  return {
    ...(typeof status === 'string' && { status }),
    ...(typeof duration === 'number' && { duration: BigInt(duration) }),
    ...(typeof timeout === 'string' && { timeout }),
  }
}

async function moveUser(call: Call): Promise<Reply> {
  const { panel, name, query, before } = call
  const user = panel.userNamed(name)
  const owner = panel.adminNamed(query.get('admin_username') ?? '')
  if (!user) return noUser
  if (owner === undefined) return noAdmin
  await before({ of: 'move user', user: user.name })
  panel.move(user.name, owner)
  return showUser(call)
}

function resetAll({ panel, as, samples, since }: Call): Reply {
  // An admin that is named like the account of the environment is taken for it.
  const owner = panel.adminNamed(as) ?? null
  samples.resets.push(...panel.resetThroughFront(owner, since))
  return json({ detail: 'Users successfully reset.' })
}

function listExpired({ panel, expired }: Call): Reply {
  const names = expired.filter((name) => panel.users.has(name))
  return names.length > 0
    ? json(names)
    : json({ detail: 'No expired users found in the specified date range' }, 404)
}
