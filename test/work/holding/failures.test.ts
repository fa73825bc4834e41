import { describe, expect, test } from 'vitest'
import { keepDisabled } from '../../../src/store/holds/held-users.ts'
import { enforceHold } from '../../../src/work/holding/enforce-hold.ts'
import { pollAndScan } from '../../support/deleting.ts'
import { passLook, useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows, figures } = holding

const users = ['anna', 'bella', 'clara', 'dora'] as const
const served = ['active', 'on_hold', 'active', 'disabled']
const disabled = ['disabled', 'disabled', 'disabled', 'disabled']

function createUsers(): void {
  create('anna')
  create('bella', { status: 'on_hold', onHoldExpireDuration: 3_600 })
  create('clara', {
    nextPlan: { data_limit: 5, expire: null, add_remaining_traffic: false, fire_on_either: true },
  })
  create('dora', { status: 'disabled' })
}

/** The service is killed at its `nth` call of the panel: before the panel gets it, or when it has acted. */
function killedAt(nth: number, when: 'before' | 'after') {
  let calls = 0
  const { panel } = holding.deps
  const killable = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      calls += 1
      const dies = calls === nth
      if (dies && when === 'before') throw new Killed()
      const result = await call(...args)
      if (dies) throw new Killed()
      return result
    }
  }
  return {
    ...holding.deps,
    panel: {
      users: killable(panel.users),
      countUsers: killable(panel.countUsers),
      userService: killable(panel.userService),
      setService: killable(panel.setService),
      repairUser: killable(panel.repairUser),
    },
  }
}

class Killed extends Error {}

/** Enforces the hold, and is killed at each call in turn, until it comes to its end. */
async function enforceKilled(when: 'before' | 'after'): Promise<number> {
  for (let nth = 1; ; nth += 1) {
    try {
      await enforceHold(killedAt(nth, when), holding.ada)
      return nth
    } catch (error) {
      if (!(error instanceof Killed)) throw error
    }
  }
}

describe.each(['before', 'after'] as const)(
  'a service that is killed %s the panel acts, at any call',
  (when) => {
    test('disables everybody, forgets nobody, and gives all back', async () => {
      createUsers()
      await hold()
      expect(await enforceKilled(when)).toBeGreaterThan(3)
      expect([statuses(...users), await figures()]).toMatchObject([
        disabled,
        { total: 3, done: 3, failed: 0 },
      ])
      await lift()
      expect(await enforceKilled(when)).toBeGreaterThan(3)
      expect(statuses(...users)).toEqual(served)
      expect(holding.panel.state.mustFind('clara').nextPlan).not.toBeNull()
      await passLook(holding)
      await enforce()
      expect([statuses(...users), await figures()]).toEqual([served, null])
    })

    test.each([1, 2, 3, 4, 5, 6, 7])(
      'gives all back when the hold is lifted meanwhile (call %i)',
      async (nth) => {
        createUsers()
        await hold()
        await enforceHold(killedAt(nth, when), holding.ada).catch(() => {})
        await lift()
        await enforce()
        await passLook(holding)
        await enforce()
        expect([statuses(...users), await figures()]).toEqual([served, null])
      },
    )

    test.each([1, 2, 3, 4, 5, 6])('holds all when the hold comes back meanwhile (call %i)', async (nth) => {
      createUsers()
      await hold()
      await enforce()
      await lift()
      await enforceHold(killedAt(nth, when), holding.ada).catch(() => {})
      await hold()
      await enforce()
      expect(statuses(...users)).toEqual(disabled)
      await lift()
      await enforce()
      expect(statuses(...users)).toEqual(served)
    })
  },
)

/** The panel carries out late what disables anna: after she was given back. */
async function expectGivenBackTwice(): Promise<void> {
  await lift()
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
  await holding.panel.late.carryOut()
  expect(statuses('anna')).toEqual(['disabled'])
  await passLook(holding)
  await enforce()
  expect(statuses('anna')).toEqual(['active'])
}

describe('a panel', () => {
  test.each([
    ['answers 500 after it has acted', { kind: 'answer', status: 500, acts: true }],
    ['answers 500 and does nothing', { kind: 'answer', status: 500 }],
    ['resets the connection', { kind: 'cut', acts: true }],
    ['answers half a body', { kind: 'half-body', acts: true }],
    ['hangs', { kind: 'hang' }],
    ['is behind a page of somebody else', { kind: 'answer', status: 200, body: '<html></html>' }],
  ] as const)(
    'that %s when a user is changed gets the same user again until all are held, and given back',
    async (_, fault) => {
      createUsers()
      await hold()
      holding.panel.faults.add({ ...fault, method: 'PUT', times: 2 })
      for (let poll = 0; poll < 4; poll += 1) await enforce().catch(() => {})
      expect([statuses(...users), await figures()]).toMatchObject([
        disabled,
        { total: 3, done: 3, failed: 0 },
      ])
      await lift()
      holding.panel.faults.add({ ...fault, method: 'PUT', times: 2 })
      for (let poll = 0; poll < 4; poll += 1) await enforce().catch(() => {})
      await passLook(holding)
      await enforce()
      expect(statuses(...users)).toEqual(served)
    },
  )

  test('that refuses one user does not keep the others served, and the figures say so', async () => {
    createUsers()
    await hold()
    holding.panel.faults.add({
      method: 'PUT',
      path: '/api/user/anna',
      kind: 'answer',
      status: 400,
      body: '{"detail":"no"}',
    })
    await enforce()
    expect(statuses(...users)).toEqual(['active', 'disabled', 'disabled', 'disabled'])
    expect(await figures()).toEqual({ reasons: ['operator'], total: 3, done: 2, failed: 1 })
    await enforce()
    const events = await holding.db.selectFrom('events').select('type').execute()
    expect(events.map(({ type }) => type)).toEqual(['holding.failed'])
    holding.panel.faults.clear()
    await enforce()
    await enforce()
    expect(statuses('anna')).toEqual(['disabled'])
    const later = await holding.db.selectFrom('events').select('type').orderBy('id').execute()
    expect(later.map(({ type }) => type)).toEqual(['holding.failed', 'holding.finished'])
  })

  test('that refuses any number of users one after the other does not keep the rest as they are', async () => {
    const odd = Array.from({ length: 45 }, (_, index) => `odd${index}`)
    for (const username of odd) create(username)
    create('zoe')
    const refuse = () =>
      holding.panel.faults.add({
        method: 'PUT',
        path: /^\/api\/user\/odd/,
        kind: 'answer',
        status: 400,
        body: '{"detail":"no"}',
      })
    refuse()
    await hold()
    await enforce()
    expect([statuses('zoe'), await figures()]).toMatchObject([['disabled'], { done: 1, failed: 45 }])
    holding.panel.faults.clear()
    await enforce()
    expect(await figures()).toMatchObject({ done: 46, failed: 0 })
    await lift()
    refuse()
    await enforce()
    expect(statuses('zoe')).toEqual(['active'])
  })

  test('that cannot be asked about many users, whose names are too long for it, does not keep the rest served', async () => {
    for (let index = 0; index < 25; index += 1) create(`${index}${'x'.repeat(17_000)}`)
    create('zoe')
    await hold()
    await enforce()
    expect(statuses('zoe')).toEqual(['disabled'])
  })

  test('that cannot list a user that the ledger has never read lists the others, and the figures say so', async () => {
    createUsers()
    create('eva', { expire: 10 ** 14 })
    await hold()
    await enforce()
    expect(statuses(...users)).toEqual(disabled)
    expect(await figures()).toMatchObject({ done: 3, failed: 0, total: 4 })
  })

  test.each([
    ['an expiry beyond the year 9999', { expire: 10 ** 14 }],
    ['a negative quota', { dataLimit: -5 }],
  ])(
    'that cannot show a user for %s serves it no longer either, and again when the hold ends',
    async (_, odd) => {
      createUsers()
      create('eva')
      create('freya')
      await pollAndScan(holding)
      Object.assign(holding.panel.state.mustFind('eva'), odd)
      await hold()
      await enforce()
      await enforce()
      expect(statuses(...users, 'eva', 'freya')).toEqual([...disabled, 'disabled', 'disabled'])
      expect(await figures()).toMatchObject({ total: 5, done: 5, failed: 0 })
      await lift()
      await enforce()
      expect(statuses('eva', 'freya')).toEqual(['active', 'active'])
    },
  )

  test('that disables a user only when it was given back already gets it enabled once more', async () => {
    create('anna')
    await hold()
    holding.panel.faults.add({ method: 'PUT', kind: 'hang', acts: 'late', times: 1 })
    await enforce().catch(() => {})
    await expectGivenBackTwice()
  })

  test('that disables a user late, for a service that was killed, gets it enabled once more', async () => {
    create('anna')
    await hold()
    holding.panel.faults.add({ method: 'PUT', kind: 'hang', acts: 'late', times: 1 })
    await expect(enforceHold(killedAt(3, 'after'), holding.ada)).rejects.toThrow(Killed)
    await expectGivenBackTwice()
  })

  test('that carries out late what it was asked for twice gets the user enabled once more', async () => {
    create('anna')
    await hold()
    holding.panel.faults.add({ method: 'PUT', kind: 'hang', acts: 'late', times: 1 })
    await enforce().catch(() => {})
    await enforce()
    expect(await rows()).toEqual(['anna held'])
    await expectGivenBackTwice()
  })

  test('is reminded a minute later of the users that it serves again, and of nobody else', async () => {
    create('anna')
    create('bella')
    await hold()
    await enforce()
    await lift()
    await enforce()
    holding.panel.state.mustFind('bella').status = 'disabled'
    holding.panel.requests.splice(0)
    await enforce()
    expect(holding.panel.requests.filter(({ method }) => method === 'PUT')).toEqual([])
    await passLook(holding)
    await enforce()
    const changes = holding.panel.requests.filter(({ method }) => method === 'PUT')
    expect(changes.map(({ path }) => path)).toEqual(['/api/user/anna'])
    expect(statuses('anna', 'bella')).toEqual(['active', 'disabled'])
  })
})

describe('a user that somebody disables during the hold', () => {
  test('stays disabled', async () => {
    create('anna')
    create('bella')
    await hold()
    await enforce()
    await keepDisabled(holding.db, 'anna')
    await lift()
    await enforce()
    expect([statuses('anna', 'bella'), await rows()]).toEqual([
      ['disabled', 'active'],
      ['anna kept', 'bella restored'],
    ])
  })
})
