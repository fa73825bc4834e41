import fc from 'fast-check'
import { type Admin, admin, pick, replica, type User, user, work } from './cast.ts'

/** A limit as an operator sets it. */
export type SimLimit = {
  bytes: number | null
  unit: 'day' | null
  countFrom: 'now' | 'beginning'
  carryOver: 'none' | 'debt' | 'all'
  /** Seconds from then on; null: for ever. */
  validFor: number | null
  warnAt: number[]
  onExceed: 'notify' | 'disable_users'
}

/** Who is meant by a reference gets as many bytes each time. */
export const grantBytes = { first: 300, second: 1_000, correction: -200 } as const
type Reference = keyof typeof grantBytes

/** Work on limits and holds that a replica begins. */
export type LimitWork =
  | { of: 'set limit'; admin: Admin; limit: SimLimit }
  | { of: 'remove limit'; admin: Admin }
  | { of: 'grant'; admin: Admin; reference: Reference }
  | { of: 'revoke grant'; admin: Admin; pick: number }
  | { of: 'close period'; admin: Admin }
  | { of: 'turn due limits' }
  | { of: 'place hold'; admin: Admin }
  | { of: 'lift hold'; admin: Admin }
  | { of: 'enforce hold'; admin: Admin }
  | { of: 'enforce all holds' }

/** A caller of the front changes a user: the user's admin, or a sudo admin. */
export type EditUser = {
  of: 'front: edit user'
  user: User
  status: 'active' | 'disabled' | 'on_hold'
  caller: 'sudo' | 'owner'
}

/** A sudo admin has the panel disable all users of an admin. */
type DisableUsers = { of: 'front: disable users'; admin: Admin }

/** What callers of the front change of how users are served. */
export type ServiceCall = EditUser | DisableUsers

export type LimitStep =
  /** The account of `admin` is read, and gets a limit. */
  | { do: 'limit'; admin: Admin; limit: SimLimit }
  /** `user` consumes so much that its admin has used so many percent of its allowance, and the counters show it. */
  | { do: 'use up'; admin: Admin; user: User; percent: number }
  /** Somebody changes a user behind the service's back, or the panel does. */
  | { do: 'serve user'; user: User; status: 'active' | 'disabled' | 'on_hold' }
  /** A user on hold connects for the first time. */
  | { do: 'connect'; user: User }
  /** A hold is lifted, and its users are given back, while the panel is being asked to disable one of them. */
  | { do: 'lift while disabling'; admin: Admin; user: User; ending: 'go on' | 'killed' | 'unanswered' }
  /** A user that is held is deleted, and created again to wait for its first connection; then the hold is lifted. */
  | { do: 'create again while held'; admin: Admin; user: User }
  /** A caller disables a user that is held; then the hold is lifted. */
  | { do: 'disable while held'; admin: Admin; user: User }
  /** The service is killed when the panel has disabled a user, and before that is noted. */
  | { do: 'kill while disabling'; admin: Admin; user: User }
  /** A user on hold is held, and given back. */
  | { do: 'hold who waits'; admin: Admin; user: User; lifted: boolean }

const limit: fc.Arbitrary<SimLimit> = fc.record({
  bytes: fc.constantFrom(500, 1_000, 2_000, 5_000, null),
  unit: fc.constantFrom<SimLimit['unit'][]>('day', 'day', null),
  countFrom: fc.constantFrom<SimLimit['countFrom'][]>('now', 'now', 'beginning'),
  carryOver: fc.constantFrom('none', 'debt', 'all'),
  validFor: fc.constantFrom(null, null, null, 600, 100_000),
  warnAt: fc.constantFrom([], [80], [50, 80, 95]),
  onExceed: fc.constantFrom('disable_users', 'disable_users', 'notify'),
})

const start = (of: fc.Arbitrary<LimitWork | ServiceCall>) =>
  fc.record({ do: fc.constant('start'), replica, work: of })
const episode = <Do extends string>(name: Do) => fc.record({ do: fc.constant(name), admin, user })

/** The account of an admin is limited from the beginning of the history on. */
export const limiting = fc.record({ do: fc.constant('limit'), admin, limit })

/** Work that changes users in the panel. */
export const changingService: fc.WeightedArbitrary<LimitWork | ServiceCall>[] = [
  { weight: 6, arbitrary: fc.record({ of: fc.constant('enforce hold'), admin }) },
  {
    weight: 3,
    arbitrary: fc.record({
      of: fc.constant('front: edit user'),
      user,
      status: fc.constantFrom('disabled', 'disabled', 'active', 'on_hold'),
      caller: fc.constantFrom('sudo', 'owner'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ of: fc.constant('front: disable users'), admin }) },
]

/** What happens in some histories only, where an account has a limit or is held. */
export const limitSteps = [
  { weight: 4, arbitrary: start(fc.record({ of: fc.constant('set limit'), admin, limit })) },
  { weight: 1, arbitrary: start(fc.record({ of: fc.constant('remove limit'), admin })) },
  {
    weight: 3,
    arbitrary: start(
      fc.record({
        of: fc.constant('grant'),
        admin,
        reference: fc.constantFrom<Reference[]>('first', 'second', 'correction'),
      }),
    ),
  },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('revoke grant'), admin, pick })) },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('close period'), admin })) },
  { weight: 2, arbitrary: start(work('turn due limits')) },
  { weight: 4, arbitrary: start(fc.record({ of: fc.constant('place hold'), admin })) },
  { weight: 3, arbitrary: start(fc.record({ of: fc.constant('lift hold'), admin })) },
  ...changingService.map(({ weight, arbitrary }) => ({ weight, arbitrary: start(arbitrary) })),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), seconds: fc.constant(100_000) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('use up'),
      admin,
      user,
      percent: fc.constantFrom(80, 100, 100, 100, 120),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('serve user'),
      user,
      status: fc.constantFrom('active', 'disabled', 'on_hold', 'on_hold'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('connect'), user }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('lift while disabling'),
      admin,
      user,
      ending: fc.constantFrom('go on', 'killed', 'unanswered'),
    }),
  },
  { weight: 2, arbitrary: episode('create again while held') },
  { weight: 2, arbitrary: episode('disable while held') },
  { weight: 2, arbitrary: episode('kill while disabling') },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('hold who waits'), admin, user, lifted: fc.boolean() }),
  },
] satisfies fc.WeightedArbitrary<unknown>[]
