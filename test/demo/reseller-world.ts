import type { User } from '../stand-in/records.ts'
import { lifetimeOf } from '../stand-in/records.ts'
import type { PanelState } from '../stand-in/state.ts'

/** The admins of the demo. */
export const resellers = ['ana', 'bilal', 'chen'] as const

const usersEach = 14
/** The examples of README.md use this password of the first reseller, and these users. */
const password = 'secret'
const usersOfExamples = ['alice', 'bob']
const megabyte = 1_000_000

/** Users consume traffic; resellers delete and create users. */
export type ResellerWorld = {
  /** Adds some traffic to some users. */
  consume(): void
  /**
   * A reseller deletes its largest user in the panel and creates another one, but no user of the examples. Null: the reseller
   * has no other users, because the operator deleted them.
   */
  deleteOne(): { reseller: string; username: string; bytes: bigint } | null
  /** The smallest user of a reseller that this world deletes at all: it deletes it last. */
  lightest(reseller: string): string
  /** The traffic of the users that an admin has now: the sum that the panel shows. */
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
  const deletable = (reseller: string): User[] =>
    usersOf(reseller)
      .filter(({ username }) => !usersOfExamples.includes(username))
      .toSorted((a, b) => Number(lifetimeOf(a) - lifetimeOf(b)))
  for (const reseller of resellers) {
    state.createAdmin(reseller, { password })
    for (let index = 0; index < usersEach; index += 1)
      state.accrue(createUser(reseller), below(900) * megabyte)
  }
  for (const username of usersOfExamples) state.createUser(username, { admin: resellers[0] })
  return {
    consume: () => {
      for (const { username, status } of state.users.values()) {
        if (status === 'active' && below(3) === 0) state.accrueUser(username, below(12 * megabyte))
      }
      state.bookAdmins()
    },
    deleteOne: () => {
      const reseller = resellers[turn % resellers.length] ?? resellers[0]
      turn += 1
      const heaviest = deletable(reseller).at(-1)
      if (!heaviest) return null
      state.deleteUser(heaviest.username)
      createUser(reseller)
      return { reseller, username: heaviest.username, bytes: lifetimeOf(heaviest) }
    },
    lightest: (reseller) => deletable(reseller)[0]?.username ?? '',
    panelSum: (reseller) => usersOf(reseller).reduce((sum, user) => sum + lifetimeOf(user), 0n),
  }
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}
