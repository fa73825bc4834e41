import fc from 'fast-check'
import { admin, pick, replica, user, users, work } from './cast.ts'
import type { Fault } from './point.ts'
import type { Intruder, Step, Work } from './steps.ts'

const start = (of: fc.Arbitrary<Work>) => fc.record({ do: fc.constant('start'), replica, work: of })
const carryOut = (of: fc.Arbitrary<Work>) => fc.record({ do: fc.constant('carry out'), replica, work: of })
const happening = <Do extends string>(name: Do) => fc.record({ do: fc.constant(name), user })

/** Deletions that take several calls, or that somebody waits for. */
const deletions: fc.WeightedArbitrary<Work>[] = [
  { weight: 3, arbitrary: fc.record({ of: fc.constant('delete user'), user, preserve: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ of: fc.constant('front: delete admin'), admin, spelling: fc.constant('plain') }),
  },
  { weight: 4, arbitrary: work('go on with bulk deletions') },
  { weight: 2, arbitrary: work('settle deletions') },
]

/** What reads users and counters. */
const readings: fc.WeightedArbitrary<Work>[] = [
  { weight: 4, arbitrary: fc.record({ of: fc.constant('scan'), admin }) },
  { weight: 1, arbitrary: work('poll') },
  { weight: 1, arbitrary: fc.record({ of: fc.constant('read user'), user }) },
]

const resets = fc.record({ of: fc.constant('front: reset all'), by: fc.constantFrom('ada', 'ben', null) })

/** A deletion that the panel may carry out when nobody waits for it any more. */
const unanswered = fc.record({
  do: fc.constant('start badly'),
  replica: fc.constant(1),
  work: fc.oneof(...deletions),
  fault: fc.constantFrom<Fault[]>('late', 'hang before'),
  at: fc.constant('request'),
})

/** What happens in the panel while something else is under way. */
const happenings: fc.WeightedArbitrary<Intruder>[] = [
  { weight: 2, arbitrary: happening('remove user') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('create user'), user, owner: admin }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move user'), user, owner: admin }) },
]

const beset = (
  of: fc.WeightedArbitrary<Work>[],
  by: fc.WeightedArbitrary<Intruder>[],
  { times, early }: { times: number[]; early: boolean },
) =>
  fc.record({
    do: fc.constant('beset'),
    work: fc.oneof(...of),
    at: fc.constantFrom<('statement' | 'request' | 'answer')[]>('statement', 'request', 'answer', 'answer'),
    after: fc.oneof(fc.constant(0), fc.nat(12)),
    times: fc.constantFrom(...times),
    by: fc.array(fc.oneof(...by), { minLength: 1, maxLength: 2 }),
    early: fc.constant(early),
  })

/** Readings and resets that a scan overtakes again and again; all bytes stay provable. */
export const overtaking: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 6,
    arbitrary: beset([...readings, { weight: 8, arbitrary: resets }], readings, {
      times: [1, 2, 5, 9],
      early: false,
    }),
  },
  { weight: 3, arbitrary: start(resets) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('reset user'), user }) },
]

/** Work that others overtake, or whose way they cross. */
export const besetSteps: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 4,
    arbitrary: beset(
      [...deletions, ...readings],
      [...readings, ...deletions, ...happenings, { weight: 6, arbitrary: unanswered }],
      {
        times: [1, 1, 2],
        early: false,
      },
    ),
  },
  { weight: 3, arbitrary: beset([...deletions, ...readings], readings, { times: [1], early: true }) },
]

/** What histories of deletions consist of, beside traffic and readings. */
export const deletionSteps: fc.WeightedArbitrary<Step>[] = [
  ...besetSteps,
  ...deletions.map(({ weight, arbitrary }) => ({ weight, arbitrary: start(arbitrary) })),
  ...deletions.map(({ weight, arbitrary }) => ({ weight, arbitrary: carryOut(arbitrary) })),
  { weight: 3, arbitrary: carryOut(fc.record({ of: fc.constant('delete admin'), admin })) },
  {
    weight: 6,
    arbitrary: carryOut(
      fc.record({
        of: fc.constant('delete own users'),
        admin,
        key: fc.constantFrom('first key', 'first key', 'second key'),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: carryOut(
      fc.record({ of: fc.constant('delete users'), users: fc.subarray([...users], { minLength: 1 }) }),
    ),
  },
  { weight: 2, arbitrary: carryOut(fc.record({ of: fc.constant('cancel deletion'), pick })) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create admin again'), admin }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create admin'), admin }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create user'), user, owner: admin }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('spoil user'), user, how: fc.constant('silent') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mend users') }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('start badly'),
      replica,
      work: fc.oneof(...deletions),
      fault: fc.constantFrom<Fault[]>('before', 'hang before', 'hang after', 'late', 'late'),
      at: fc.constant('request'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('fail'),
      pick,
      fault: fc.constantFrom<Fault[]>('before', 'after', 'hang before', 'hang after'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('crash'), replica, committed: fc.boolean(), late: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('act late'), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), seconds: fc.constantFrom(1, 9, 21) }) },
]
