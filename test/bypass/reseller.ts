import { send } from '../http/front/raw.ts'
import { activateByBot } from '../stand-in/jobs.ts'
import type { User } from '../stand-in/records.ts'
import { oneOf, type Random, weighted } from '../support/random.ts'
import { reseller, type World } from './world.ts'

/** Where a call goes: the front, the panel itself, or this service's own API. */
export type Way = 'front' | 'behind' | 'own'
/** Something that a reseller can do, ready to be done. */
export type Deed = { way: Way; what: string; act: () => Promise<unknown> }

type Call = { method: string; path: string; body?: object | string; type?: string }
type Trick = {
  weight: number
  name: string
  of: (random: Random, user: User | undefined, world: World) => Call[]
}

const create = (username: string, over: object = {}): Call => ({
  method: 'POST',
  path: '/api/user',
  body: { username, proxies: { shadowsocks: {} }, ...over },
})
const change = (name: string, body: object | string, type?: string): Call => ({
  method: 'PUT',
  path: `/api/user/${name}`,
  body,
  ...(type !== undefined && { type }),
})
const remove = (name: string): Call => ({ method: 'DELETE', path: `/api/user/${name}` })
const post = (name: string, what: string): Call => ({ method: 'POST', path: `/api/user/${name}/${what}` })

const planOf = (random: Random) => ({
  data_limit: 1 + random(200_000),
  expire: null,
  add_remaining_traffic: true,
  fire_on_either: true,
})
const seconds = (world: World) => Math.floor(world.now() / 1000)
const newName = (random: Random) => `user_${random(12)}`

/** Each trick changes a user, or makes one where there is none. */
const onUser = (
  weight: number,
  name: string,
  of: (random: Random, user: string, world: World) => Call[],
): Trick => ({
  weight,
  name,
  of: (random, user, world) => (user ? of(random, user.username, world) : [create(newName(random))]),
})

const tricks: Trick[] = [
  { weight: 6, name: 'create', of: (random) => [create(newName(random))] },
  {
    weight: 3,
    name: 'create with a limit that begins anew each day',
    of: (random) => [
      create(newName(random), { data_limit: 1 + random(100_000), data_limit_reset_strategy: 'day' }),
    ],
  },
  {
    weight: 3,
    name: 'create on hold',
    of: (random) => [
      create(newName(random), { status: 'on_hold', on_hold_expire_duration: 1 + random(900_000) }),
    ],
  },
  {
    weight: 2,
    name: 'create with a plan',
    of: (random) => [create(newName(random), { data_limit: 1 + random(9_000), next_plan: planOf(random) })],
  },
  {
    weight: 2,
    name: 'create with an expiry',
    of: (random, _, world) => [create(newName(random), { expire: seconds(world) + random(900_000) })],
  },
  onUser(3, 'delete', (_, name) => [remove(name)]),
  onUser(4, 'delete and create again', (_, name) => [remove(name), create(name)]),
  onUser(4, 'reset', (_, name) => [post(name, 'reset')]),
  onUser(2, 'activate the next plan', (random, name) => [
    change(name, { data_limit: 1 + random(9_000), next_plan: planOf(random) }),
    post(name, 'active-next'),
  ]),
  onUser(1, 'revoke the subscription', (_, name) => [post(name, 'revoke_sub')]),
  onUser(4, 'activate', (_, name) => [change(name, { status: 'active' })]),
  onUser(3, 'put on hold', (_, name) => [
    change(name, { status: 'on_hold', on_hold_expire_duration: 86_400 }),
  ]),
  onUser(2, 'disable', (_, name) => [change(name, { status: 'disabled' })]),
  onUser(3, 'raise the limit', (random, name) => [change(name, { data_limit: 1_000_000_000 + random(9) })]),
  onUser(2, 'lift the limit', (_, name) => [change(name, { data_limit: 0 })]),
  onUser(2, 'renew', (random, name, world) => [
    change(name, { expire: seconds(world) + 86_400 + random(900_000) }),
  ]),
  onUser(1, 'let expire', (_, name, world) => [change(name, { expire: seconds(world) - 5 })]),
  onUser(2, 'queue a plan', (random, name) => [change(name, { next_plan: planOf(random) })]),
  onUser(1, 'note', (_, name) => [change(name, { note: 'paid' })]),
  onUser(2, 'disable and activate in one body', (_, name) => [
    change(name, '{"status":"disabled","status":"active"}'),
    change(name, '{"status":"active","note":"x"}', 'text/plain'),
    change(name, '{"note":"x","\\u0073tatus":"active"}'),
  ]),
  { weight: 1, name: 'delete expired users', of: () => [{ method: 'DELETE', path: '/api/users/expired' }] },
]

/** Beyond the year 9999: the panel keeps it, and answers 500 wherever it would show the user. */
const unshowable = 100_000_000_000_000
const unshowableTricks: Trick[] = [
  {
    weight: 2,
    name: 'create one that no list can show',
    of: (random) => [create(newName(random), { expire: unshowable })],
  },
  onUser(4, 'make one that no list can show', (_, name) => [change(name, { expire: unshowable })]),
]

const spellings: ((path: string) => string)[] = [
  (path) => path,
  (path) => path,
  (path) => path.replace('user', '%75ser'),
  (path) => path.replace('api', '%61p%69'),
  (path) => path.replace(/(.)$/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace('/user', '%2Fuser'),
  (path) => `${path}/`,
  (path) => `${path}?x=1`,
  (path) => path.replace('user', 'User'),
  (path) => path.replace('/user', '//user'),
  (path) => `/sub/..${path}`,
]

/** What the reseller does next: any trick, of any of its users, by any way. */
export function drawDeed(world: World, random: Random): Deed {
  const { state, url } = world.service.panel
  const user = oneOf(random, state.usersOf(world.admin))
  const way = weighted(random, [
    { weight: 5, way: 'front' as const },
    { weight: 3, way: 'behind' as const },
    { weight: 1, way: 'own' as const },
  ]).way
  if (way === 'own' && user) {
    const target = `/users/${user.username}`
    return {
      way,
      what: `DELETE ${target}`,
      act: () => request(world, world.address, { method: 'DELETE', path: target }),
    }
  }
  if (way === 'behind' && user && random(6) === 0) {
    return {
      way,
      what: `bot activates ${user.username}`,
      act: async () => activateByBot(state, user.username),
    }
  }
  const trick = weighted(random, way === 'front' ? [...tricks, ...unshowableTricks] : tricks)
  const spell = way === 'front' ? (oneOf(random, spellings) ?? String) : String
  const calls = trick.of(random, user, world).map((call) => ({ ...call, path: spell(call.path) }))
  const base = way === 'behind' ? url : world.address
  const act = async () => {
    for (const call of calls) await request(world, base, call)
  }
  return {
    way,
    what: `${trick.name}: ${calls.map(({ method, path }) => `${method} ${path}`).join(', ')}`,
    act,
  }
}

async function request(world: World, base: string, { method, path, body, type }: Call): Promise<void> {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await send(base, method, path, {
    headers: {
      ...world.service.as(reseller),
      ...(text !== '' && {
        'content-type': type ?? 'application/json',
        'content-length': String(text.length),
      }),
    },
    ...(text !== '' && { body: text }),
  })
  // The panel's own slips are answers too, and so is a refusal over a user that cannot be read; another failure is none.
  const isExplained = /^Internal Server Error$|cannot be counted/.test(answer.body)
  if (base === world.address && answer.status >= 500 && !isExplained) {
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
  }
}
