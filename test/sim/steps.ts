import { inspect } from 'node:util'
import fc from 'fast-check'
import { type Admin, admin, type Owner, owner, pick, replica, type User, user, users, work } from './cast.ts'
import { foreignAnswers } from './foreign.ts'
import {
  changingService,
  type EditUser,
  type LimitStep,
  type LimitWork,
  limiting,
  limitSteps,
} from './limit-steps.ts'
import { environment } from './panel-api.ts'
import type { Fault } from './point.ts'
import { type Spoil, spoils } from './spoil.ts'

/** Work that a replica begins, on a schedule or for a caller. */
export type Work =
  | { of: 'poll' }
  | { of: 'read counter'; admin: Admin }
  | { of: 'scan'; admin: Admin }
  | { of: 'scan what is due' }
  | { of: 'delete user'; user: User; preserve: boolean }
  | { of: 'delete users'; users: User[] }
  | { of: 'delete users of'; admin: Admin }
  | { of: 'delete admin'; admin: Admin }
  | { of: 'go on with bulk deletions' }
  | { of: 'settle deletions' }
  | { of: 'read user'; user: User }
  | FrontCall
  | LimitWork
  | EditUser

/** Calls of the panel's own API at the service's address. */
export type FrontCall =
  | { of: 'front: delete user'; user: User; spelling: Spelling }
  | { of: 'front: delete expired'; users: User[] }
  | { of: 'front: move user'; user: User; owner: Admin; spelling: Spelling }
  /** By an admin, who resets its own; or by the account of the panel's environment, which resets all. */
  | { of: 'front: reset all'; by: Owner }
  | { of: 'front: reset usage'; admin: Admin; spelling: Spelling }
  | { of: 'front: delete admin'; admin: Admin; spelling: Spelling }

/** How a caller writes a name: in capitals, or with a space at its end. */
export type Spelling = 'plain' | 'shouted' | 'spaced'

/** One thing that happens. */
export type Step =
  | LimitStep
  | { do: 'consume'; user: User; bytes: number | bigint }
  | { do: 'book usage' }
  | { do: 'create user'; user: User; owner: Owner }
  | { do: 'wait'; seconds: number }
  | { do: 'start'; replica: number; work: Work }
  /** The `pick`th operation that can goes on: to its next statement, to its next call of the panel, or to its end. */
  | { do: 'run'; pick: number; until: 'statement' | 'call' | 'end' }
  | { do: 'fail'; pick: number; fault: Fault }
  /** Work that begins, and whose first call that changes something in the panel goes wrong: before the panel acts, or its answer. */
  | { do: 'start badly'; replica: number; work: Work; fault: Fault; at: 'request' | 'answer' }
  /** The environment's account resets all users, and after so many calls of the service there is an admin of its name. */
  | { do: 'reset while an admin appears'; replica: number; calls: number }
  /** A scan has read all users of `admin`; before it ends, `user` consumes, and a poll reads what is booked of it. */
  | { do: 'poll during a scan'; admin: Admin; user: User; bytes: number }
  /** An answer that shows `user` with its admin is stored after a scan that found it there no more. */
  | { do: 'stale sight'; user: User; bytes: number }
  /** `user` is seen with `admin` for the first time after a scan that found what it consumed to be shown by nobody. */
  | { do: 'first sight after a scan'; admin: Admin; user: User; bytes: number }
  /** What `user` consumes only the counter of `admin` shows; what another one consumes then, only the users. */
  | { do: 'one witness each'; admin: Admin; user: User; bytes: number }
  /** `user` of `admin` was never seen, and is listed beside one over which the panel stumbles. */
  | { do: 'unseen beside a failing user'; admin: Admin; user: User; bytes: number }
  /** On MySQL, the unread counter of `admin` is reset by its name in capitals. */
  | { do: 'reset by another spelling'; admin: Admin; user: User; bytes: number }
  /** `late`: what the panel was asked for by then, it does later. */
  | { do: 'crash'; replica: number; committed: boolean; late: boolean }
  /** The panel carries out the `pick`th of the requests that nobody waits for any more. */
  | { do: 'act late'; pick: number }
  | { do: 'come to rest' }
  | { do: 'remove user'; user: User }
  | { do: 'move user'; user: User; owner: Owner }
  | { do: 'reset user'; user: User }
  | { do: 'reset all users' }
  | { do: 'lose bookings' }
  | { do: 'reset usage'; admin: Admin }
  | { do: 'remove admin'; admin: Admin }
  | { do: 'create admin'; admin: Admin }
  | { do: 'spoil user'; user: User; how: Spoil }
  | { do: 'mend users' }
  | { do: 'odd admins'; listed: boolean }
  | { do: 'panel moves to MySQL' }
  | { do: 'back up panel' }
  | { do: 'restore panel' }
  /** The backup is put back, and what was there before is the backup: done twice, every counter is where it was. */
  | { do: 'swap panel' }
  /** A user's time of creation is moved into the past. */
  | { do: 'change date'; user: User; seconds: number }
  /** A user that is gone is put back with its counter, created earlier than it was. */
  | { do: 'reimport user'; user: User; seconds: number }
  | { do: 'back up ledger' | 'restore ledger' }

/** By which dates are changed: a little, some minutes, and what lies between the zones of the world. */
const seconds = fc.constantFrom(1, 400, 12_600)
const spelling = fc.constantFrom<Spelling[]>('plain', 'plain', 'plain', 'shouted', 'spaced')
const failing = (...faults: Fault[]) =>
  fc.record({ do: fc.constant('fail'), pick, fault: fc.constantFrom(...faults) })
const startBadly = (at: ('request' | 'answer')[], faults: Fault[]) =>
  fc.record({
    do: fc.constant('start badly'),
    replica,
    work: fc.oneof(...changing, ...changingService),
    fault: fc.constantFrom(...faults),
    at: fc.constantFrom(...at),
  })

const alone = <Do extends string>(name: Do) => fc.record({ do: fc.constant(name) })
const start = (work: fc.Arbitrary<Work>) => fc.record({ do: fc.constant('start'), replica, work })

/** Work that makes the panel forget something. */
const changing: fc.WeightedArbitrary<Work>[] = [
  {
    weight: 8,
    arbitrary: fc.record({ of: fc.constant('delete user'), user, preserve: fc.constant(true) }),
  },
  { weight: 5, arbitrary: work('go on with bulk deletions') },
  { weight: 6, arbitrary: fc.record({ of: fc.constant('front: delete user'), user, spelling }) },
  {
    weight: 3,
    arbitrary: fc.record({
      of: fc.constant('front: delete expired'),
      users: fc.subarray([...users], { minLength: 1 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ of: fc.constant('front: move user'), user, owner: admin, spelling }) },
  { weight: 4, arbitrary: fc.record({ of: fc.constant('front: reset all'), by: owner }) },
  { weight: 2, arbitrary: fc.record({ of: fc.constant('front: reset usage'), admin, spelling }) },
  { weight: 2, arbitrary: fc.record({ of: fc.constant('front: delete admin'), admin, spelling }) },
]

/** What always happens: traffic, and the service at its work. */
const everyday: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 18,
    arbitrary: fc.record({ do: fc.constant('consume'), user, bytes: fc.integer({ min: 1, max: 999 }) }),
  },
  { weight: 5, arbitrary: alone('book usage') },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create user'), user, owner }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), seconds: fc.constantFrom(1, 29, 31, 700) }) },
  { weight: 1, arbitrary: alone('come to rest') },
  { weight: 8, arbitrary: start(work('poll')) },
  { weight: 3, arbitrary: start(fc.record({ of: fc.constant('read counter'), admin })) },
  { weight: 8, arbitrary: start(fc.record({ of: fc.constant('scan'), admin })) },
  { weight: 2, arbitrary: start(work('scan what is due')) },
  {
    weight: 40,
    arbitrary: fc.record({
      do: fc.constant('run'),
      pick,
      until: fc.constantFrom<('statement' | 'call' | 'end')[]>('statement', 'call', 'call', 'end', 'end'),
    }),
  },
]

/** What goes wrong. */
const faults: fc.WeightedArbitrary<Step>[] = [
  { weight: 12, arbitrary: failing('before', 'after', 'hang before', 'hang after') },
  { weight: 4, arbitrary: failing(...foreignAnswers) },
  { weight: 8, arbitrary: startBadly(['request', 'answer'], foreignAnswers) },
  { weight: 8, arbitrary: startBadly(['request'], ['late']) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('act late'), pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('crash'),
      replica,
      committed: fc.boolean(),
      late: fc.boolean(),
    }),
  },
]

/** What happens in some histories only: where everything happens at once, one fault hides the other. */
const occasional: fc.WeightedArbitrary<Step>[] = [
  ...faults,
  {
    weight: 8,
    arbitrary: start(fc.record({ of: fc.constant('delete user'), user, preserve: fc.constant(true) })),
  },
  {
    weight: 1,
    arbitrary: start(fc.record({ of: fc.constant('delete user'), user, preserve: fc.constant(false) })),
  },
  {
    weight: 3,
    arbitrary: start(
      fc.record({ of: fc.constant('delete users'), users: fc.subarray([...users], { minLength: 1 }) }),
    ),
  },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('delete users of'), admin })) },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('delete admin'), admin })) },
  { weight: 5, arbitrary: start(work('go on with bulk deletions')) },
  { weight: 4, arbitrary: start(fc.record({ of: fc.constant('read user'), user })) },
  { weight: 6, arbitrary: start(fc.record({ of: fc.constant('front: delete user'), user, spelling })) },
  {
    weight: 3,
    arbitrary: start(
      fc.record({
        of: fc.constant('front: delete expired'),
        users: fc.subarray([...users], { minLength: 1 }),
      }),
    ),
  },
  {
    weight: 6,
    arbitrary: start(fc.record({ of: fc.constant('front: move user'), user, owner: admin, spelling })),
  },
  { weight: 4, arbitrary: start(fc.record({ of: fc.constant('front: reset all'), by: owner })) },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('front: reset usage'), admin, spelling })) },
  { weight: 2, arbitrary: start(fc.record({ of: fc.constant('front: delete admin'), admin, spelling })) },
  { weight: 3, arbitrary: start(work('settle deletions')) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('spoil user'), user, how: fc.constantFrom(...spoils) }),
  },
  { weight: 2, arbitrary: alone('mend users') },
  {
    weight: 1,
    // More than a JavaScript number holds exactly.
    arbitrary: fc.record({ do: fc.constant('consume'), user, bytes: fc.constant(2n ** 53n + 1n) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('odd admins'), listed: fc.boolean() }) },
  { weight: 3, arbitrary: alone('panel moves to MySQL') },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create admin'), admin: fc.constant(environment) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove admin'), admin: fc.constant(environment) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('reset while an admin appears'), replica, calls: fc.nat(8) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('move user'), user, owner: fc.constant(environment) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('remove user'), user }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('move user'), user, owner }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reset user'), user }) },
  { weight: 2, arbitrary: alone('reset all users') },
  { weight: 4, arbitrary: alone('lose bookings') },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('reset usage'), admin }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove admin'), admin }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create admin'), admin }) },
  { weight: 2, arbitrary: alone('back up panel') },
  { weight: 2, arbitrary: alone('restore panel') },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('poll during a scan'),
      admin,
      user,
      bytes: fc.integer({ min: 1, max: 999 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'first sight after a scan',
        'one witness each',
        'unseen beside a failing user',
        'reset by another spelling',
      ),
      admin,
      user,
      bytes: fc.integer({ min: 1, max: 999 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('stale sight'), user, bytes: fc.integer({ min: 1, max: 999 }) }),
  },
  { weight: 2, arbitrary: alone('swap panel') },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('change date'), user, seconds }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('reimport user'), user, seconds }) },
  { weight: 2, arbitrary: alone('back up ledger') },
  { weight: 2, arbitrary: alone('restore ledger') },
]

/** Steps of the everyday kinds, and some of the others. */
const ofEverything = (length: number) =>
  fc
    .tuple(fc.subarray(occasional), fc.subarray([...limitSteps]), fc.array(limiting, { maxLength: 2 }))
    .chain(([some, limited, limits]) => begunWith(limits, [...everyday, ...some, ...limited], length))

/** Steps of the everyday kinds, and mostly about limits and holds. */
const ofLimits = (length: number) =>
  fc
    .tuple(fc.subarray(faults), fc.array(limiting, { minLength: 1, maxLength: 2 }))
    .chain(([some, limits]) =>
      begunWith(limits, [...everyday, ...some, ...limitSteps, ...limitSteps], length),
    )

function begunWith(first: Step[], kinds: fc.WeightedArbitrary<Step>[], length: number) {
  const steps = fc.array(fc.oneof(...kinds), { minLength: length, maxLength: length })
  return steps.map((then) => [...first, ...then])
}

/** The history that `seed` stands for: `length` steps. */
export function historyOf(seed: number, length: number): Step[] {
  const histories = fc.oneof(
    { weight: 2, arbitrary: ofEverything(length) },
    { weight: 1, arbitrary: ofLimits(length) },
  )
  const [history = []] = fc.sample(fc.noBias(histories), { seed, numRuns: 1 })
  return history
}

/** Any history: failing ones are reduced within these. */
export const anyHistory = fc.array(fc.oneof(...everyday, ...occasional, ...limitSteps, limiting), {
  size: 'max',
  maxLength: 10_000,
})

/** The step as a line that can be read, and pasted into a test. */
export function lineOf(step: Step): string {
  return inspect(structuredClone(step), { breakLength: Number.POSITIVE_INFINITY, depth: null, compact: true })
}
