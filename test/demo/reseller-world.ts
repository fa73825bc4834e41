import type { PanelState, User } from '../stand-in/state.ts'
import { lifetimeOf } from '../stand-in/state.ts'

/** The admins of the demo. */
export const resellers = ['ana', 'bilal', 'chen'] as const

const usersEach = 14
/** Of the first reseller, so that the examples of README.md can be pasted: its password, and users of its. */
const password = 'secret'
const named = ['alice', 'bob']
const megabyte = 1_000_000

/** A panel's life: users consume, come, and are deleted by their resellers. */
export type ResellerWorld = {
  /** Lets users consume for a moment. */
  consume(): void
  /**
   * Lets a reseller delete the user of its that consumed most, in the panel, and create another; null: it has none, since
   * somebody who tries the demo has deleted them.
   */
  deleteOne(): { reseller: string; username: string; bytes: bigint } | null
  /** The user of a reseller that is deleted last, of those that no example names. */
  lightest(reseller: string): string
  /** What the panel can still tell of an admin: the bytes of the users it has now. */
  panelSum(reseller: string): bigint
}

/** Fills `state` with resellers and their users. */
export function createResellerWorld(state: PanelState): ResellerWorld {
  let created = 0
  let turn = 0
  const createUser = (reseller: string) => {
    created += 1
    const username = `${reseller}-${String(created).padStart(3, '0')}`
    state.createUser(username, { admin: reseller })
    return username
  }
  const usersOf = (reseller: string): readonly User[] => state.usersOf(state.admins.get(reseller) ?? null)
  const byWeight = (reseller: string): User[] =>
    usersOf(reseller).toSorted((a, b) => Number(lifetimeOf(a) - lifetimeOf(b)))
  for (const reseller of resellers) {
    state.createAdmin(reseller, { password })
    for (let index = 0; index < usersEach; index += 1)
      state.accrue(createUser(reseller), below(900) * megabyte)
  }
  for (const username of named) state.createUser(username, { admin: resellers[0] })
  return {
    consume: () => {
      for (const { username } of state.users.values()) {
        if (below(3) === 0) state.accrueUser(username, below(12 * megabyte))
      }
      state.bookAdmins()
    },
    deleteOne: () => {
      const reseller = resellers[turn % resellers.length] ?? resellers[0]
      turn += 1
      const heaviest = byWeight(reseller).at(-1)
      if (!heaviest) return null
      state.deleteUser(heaviest.username)
      createUser(reseller)
      return { reseller, username: heaviest.username, bytes: lifetimeOf(heaviest) }
    },
    lightest: (reseller) =>
      byWeight(reseller).find(({ username }) => !named.includes(username))?.username ?? '',
    panelSum: (reseller) => usersOf(reseller).reduce((sum, user) => sum + lifetimeOf(user), 0n),
  }
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}
