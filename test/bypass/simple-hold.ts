import type { HoldNotice } from '../../src/work/front/hold-notice.ts'
import { isServedStatus } from '../stand-in/statuses.ts'
import type { Holding, World } from './world.ts'

const notice: HoldNotice = {
  reasons: ['limit'],
  used: 0n,
  allowance: 0n,
  endsAt: null,
  validUntil: null,
  timezone: null,
}

/**
 * The simplest hold that keeps the promise: after each poll, every user that is served is disabled, whoever enabled it. It
 * shows that the checker lets a hold pass that holds.
 *
 * @param overlooked a status whose users it leaves alone, so that it does not hold.
 */
export function createSimpleHold({ overlooked = '' } = {}): Holding {
  let isHeld = false
  const disabled = new Set<string>()
  return {
    holdOf: async () => (isHeld ? notice : null),
    enforce: async (world) => {
      const { body } = await world.operate('GET', `/admins/${world.adminId}/limit`)
      isHeld = (JSON.parse(body) as { status: { state: string } }).status.state === 'exceeded'
      for (const user of world.service.panel.state.usersOf(world.admin)) {
        const isOurs = disabled.has(user.username) && user.status === 'disabled'
        if (isHeld && isServedStatus(user.status) && user.status !== overlooked) {
          disabled.add(user.username)
          await put(world, user.username, 'disabled')
        } else if (!isHeld && isOurs) await put(world, user.username, 'active')
      }
      if (!isHeld) disabled.clear()
    },
  }
}

async function put(world: World, username: string, status: string): Promise<void> {
  const { panel } = world.service
  const { access_token } = panel.tokens.logIn(new URLSearchParams(panel.sudo))
  const answer = await fetch(`${panel.url}/api/user/${username}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ status }),
  })
  await answer.arrayBuffer()
}
