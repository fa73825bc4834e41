import { oneOf } from '../support/random.ts'
import type { Operation } from './operation.ts'
import { counted, read, type Scene } from './scene.ts'

const guestsAtMost = 2
let guests = 0

/** What happens in the panel itself; the service may be told by a webhook, which may come before it. */
export const behindTheBack: Operation[] = [
  {
    name: 'a user is created',
    weight: 10,
    run: async (scene) => {
      const admin = scene.anyAdmin()
      const username = scene.nameFor(admin)
      await scene.stage.panel.createUser(username, admin)
      return maybeTell(scene, 'user_created', username)
    },
  },
  {
    name: 'a user is deleted',
    weight: 5,
    run: async (scene) => {
      const user = scene.anyUser(({ owner }) => scene.isCounted(owner))
      if (!user) return null
      await scene.stage.panel.removeUser(user.username)
      return maybeTell(scene, 'user_deleted', user.username)
    },
  },
  {
    name: 'a user is given to another admin',
    weight: 3,
    run: async (scene) => {
      const user = scene.movable(({ owner }) => scene.isCounted(owner))
      const to = counted.find((admin) => admin !== user?.owner)
      if (!user || !to) return null
      await scene.stage.panel.moveUser(user.username, to)
      return maybeTell(scene, 'user_updated', user.username)
    },
  },
  {
    name: 'a user is reset',
    weight: 3,
    run: async (scene) => {
      const user = scene.anyUser()
      if (!user) return null
      await scene.stage.panel.resetUser(user.username)
      return maybeTell(scene, 'data_usage_reset', user.username)
    },
  },
  {
    name: 'a user expires',
    weight: 4,
    run: async (scene) => {
      const user = scene.anyUser(({ status }) => status === 'active')
      if (!user) return null
      await scene.stage.panel.expireUser(user.username)
      return maybeTell(scene, 'user_expired', user.username)
    },
  },
  {
    name: "an admin's counter is reset",
    weight: 2,
    run: async (scene) => {
      await scene.stage.panel.resetUsage(oneOf(scene.random, read) ?? 'cyd')
      return 'done'
    },
  },
  {
    name: 'an admin is created',
    weight: 2,
    run: async (scene) => {
      if (scene.guests.length >= guestsAtMost) return null
      guests += 1
      const guest = `guest${guests}`
      await scene.stage.panel.createAdmin(guest)
      // Its users may be reset together with all others at this very moment.
      await scene.stage.panel.hold([], [guest])
      scene.guests.push(guest)
      for (let user = 0; user < 3; user += 1) {
        await scene.stage.panel.createUser(scene.nameFor(guest), guest)
      }
      return 'done'
    },
  },
]

async function maybeTell(scene: Scene, action: string, username: string): Promise<string> {
  scene.note(`${action} ${username}`)
  if (scene.random(2) === 0) return 'done'
  return `told ${await scene.webhook([{ action, username, by: { username: 'root' } }])}`
}
