import { behindTheBack } from './behind-the-back.ts'
import type { Operation } from './operation.ts'
import { counted, read, type Scene } from './scene.ts'

const ownApi: Operation[] = [
  {
    name: 'DELETE /users/{username}',
    weight: 8,
    run: async (scene) => {
      const user = scene.anyUser()
      if (!user) return null
      await scene.hold(user)
      return (await scene.call('DELETE', `/users/${user.username}`)).outcome
    },
  },
  {
    name: 'DELETE /users/{username}?preserve_traffic=false',
    weight: 1,
    run: async (scene) => {
      const user = scene.anyUser(({ owner }) => scene.isCounted(owner))
      if (!user) return null
      return (await scene.call('DELETE', `/users/${user.username}?preserve_traffic=false`)).outcome
    },
  },
  {
    name: 'POST /deletions of named users',
    weight: 3,
    run: async (scene) => {
      const users = scene.users.filter(() => scene.random(6) === 0)
      if (users.length === 0) return null
      await scene.hold(...users)
      return openBulk(scene, { usernames: users.map(({ username }) => username) })
    },
  },
  {
    name: 'POST /deletions of expired users',
    weight: 2,
    run: async (scene) => {
      const admin = scene.anyAdmin()
      const id = await scene.accountOf(admin)
      if (id === null) return null
      // They are in the hands of the background work, which may come to them much later.
      if (!scene.isCounted(admin)) await scene.stage.panel.hold([], [admin])
      return openBulk(scene, { admin: id, status: 'expired' })
    },
  },
  {
    name: 'DELETE /deletions/{id}',
    weight: 1,
    run: async (scene) =>
      scene.lastBulk === null ? null : (await scene.call('DELETE', `/deletions/${scene.lastBulk}`)).outcome,
  },
  {
    name: 'DELETE /admins/{id}',
    weight: 1,
    run: async (scene) => {
      const [guest] = scene.guests
      const id = guest === undefined ? null : await scene.accountOf(guest)
      if (guest === undefined || id === null) return null
      scene.guests.shift()
      await scene.stage.panel.hold([], [guest])
      return (await scene.call('DELETE', `/admins/${id}`)).outcome
    },
  },
  {
    name: 'GET /admins/{id}/stats?max_age=0',
    weight: 3,
    run: async (scene) => {
      const id = await scene.accountOf(scene.anyAdmin())
      return id === null ? null : (await scene.call('GET', `/admins/${id}/stats?max_age=0`)).outcome
    },
  },
  { name: 'POST /sync', weight: 2, run: async (scene) => (await scene.call('POST', '/sync')).outcome },
]

async function openBulk(scene: Scene, request: object): Promise<string> {
  const { outcome, body } = await scene.call('POST', '/deletions', request)
  if (outcome === '202') scene.lastBulk = (body as { id: number }).id
  return outcome
}

/** The owner, where it may do this itself, or the panel's own sudo account. */
function ownerOrRoot(scene: Scene, owner: string | null): string {
  return owner !== null && scene.random(2) === 0 ? owner : 'root'
}

const throughTheFront: Operation[] = [
  {
    name: 'DELETE /api/user/{username}',
    weight: 8,
    run: async (scene) => {
      const user = scene.anyUser()
      if (!user) return null
      await scene.hold(user)
      return scene.front(ownerOrRoot(scene, user.owner), 'DELETE', `/api/user/${user.username}`)
    },
  },
  {
    name: 'POST /api/user/{username}/reset',
    weight: 3,
    run: async (scene) => {
      const user = scene.anyUser()
      return user
        ? scene.front(ownerOrRoot(scene, user.owner), 'POST', `/api/user/${user.username}/reset`)
        : null
    },
  },
  {
    name: 'PUT /api/user/{username}/set-owner',
    weight: 3,
    run: async (scene) => {
      const admins = scene.random(2) === 0 ? counted : read
      const [from, to] = scene.random(2) === 0 ? admins : admins.toReversed()
      const user = scene.movable(({ owner }) => owner === from)
      if (!user) return null
      await scene.hold(user)
      return scene.front('root', 'PUT', `/api/user/${user.username}/set-owner?admin_username=${to}`)
    },
  },
  {
    name: 'POST /api/users/reset',
    weight: 1,
    run: async (scene) => {
      await scene.stage.panel.hold([], [...read, ...scene.guests])
      return scene.front('root', 'POST', '/api/users/reset')
    },
  },
  {
    name: 'DELETE /api/users/expired',
    weight: 2,
    run: async (scene) => scene.front(ownerOrRoot(scene, scene.anyAdmin()), 'DELETE', '/api/users/expired'),
  },
  {
    name: 'POST /api/admin/usage/reset/{username}',
    weight: 2,
    run: async (scene) =>
      scene.front('root', 'POST', `/api/admin/usage/reset/${read[scene.random(read.length)]}`),
  },
  {
    name: 'DELETE /api/admin/{username}',
    weight: 1,
    run: async (scene) => {
      const guest = scene.guests.shift()
      if (guest === undefined) return null
      await scene.stage.panel.hold([], [guest])
      return scene.front('root', 'DELETE', `/api/admin/${guest}`)
    },
  },
  {
    name: 'POST /api/user',
    weight: 6,
    run: async (scene) => {
      const admin = scene.anyAdmin()
      const user = { username: scene.nameFor(admin), proxies: { shadowsocks: {} } }
      return scene.front(admin, 'POST', '/api/user', user)
    },
  },
  {
    name: 'PUT /api/user/{username}',
    weight: 1,
    run: async (scene) => {
      const user = scene.anyUser()
      return user ? scene.front('root', 'PUT', `/api/user/${user.username}`, { note: 'changed' }) : null
    },
  },
  {
    name: 'GET /api/users',
    weight: 1,
    run: async (scene) => scene.front(scene.anyAdmin(), 'GET', '/api/users?limit=10'),
  },
]

export const operations: readonly Operation[] = [...ownApi, ...throughTheFront, ...behindTheBack]
