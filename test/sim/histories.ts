import fc from 'fast-check'
import { admin, owner, pick, replica, user, users, work } from './cast.ts'
import { besetSteps, deletionSteps, overtaking } from './deletion-steps.ts'
import { foreignAnswers } from './foreign.ts'
import { changingService, limiting, limitSteps } from './limit-steps.ts'
import { environment } from './panel-api.ts'
import type { Fault } from './point.ts'
import { spoils } from './spoil.ts'
import type { Spelling, Step, Work } from './steps.ts'

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
  ...besetSteps,
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

/** Steps of the everyday kinds, and mostly deletions: of what is not deleted, nothing is lost. */
const ofDeletions = (length: number) =>
  begunWith([], [...everyday, ...deletionSteps, ...deletionSteps], length)

/** Readings that overtake each other, of a panel that counts by users alone: it has the only copy of every byte. */
const ofReadings = (length: number) =>
  begunWith([{ do: 'panel of an old version' }], [...everyday, ...overtaking], length)

function begunWith(first: Step[], kinds: fc.WeightedArbitrary<Step>[], length: number): fc.Arbitrary<Step[]> {
  const steps = fc.array(fc.oneof(...kinds), { minLength: length, maxLength: length })
  return steps.map((then) => [...first, ...then])
}

/** The history that `seed` stands for: `length` steps. */
export function historyOf(seed: number, length: number): Step[] {
  const histories = fc.oneof(
    { weight: 3, arbitrary: ofEverything(length) },
    { weight: 2, arbitrary: ofLimits(length) },
    { weight: 2, arbitrary: ofDeletions(length) },
    { weight: 1, arbitrary: ofReadings(length) },
  )
  const [history = []] = fc.sample(fc.noBias(histories), { seed, numRuns: 1 })
  return history
}

/** Any history: failing ones are reduced within these. */
export const anyHistory = fc.array(
  fc.oneof(...everyday, ...occasional, ...deletionSteps, ...overtaking, ...limitSteps, limiting),
  {
    size: 'max',
    maxLength: 10_000,
  },
)
