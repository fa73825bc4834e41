import { beforeEach, expect, test } from 'vitest'
import { transact } from '../../../src/store/connection/transact.ts'
import { takeOutbox } from '../../../src/store/outbox/outbox.ts'
import { readNamedUsers } from '../../../src/work/observing/read-users-by-name.ts'
import { pollAndScan, unhurried, workOf } from '../../support/deleting.ts'
import { passLook, useHolding } from '../../support/holding.ts'

const holding = useHolding()
const { enforce, hold, lift, create, statuses, rows } = holding
const threeHours = 10_800_000

beforeEach(async () => {
  create('anna')
  await pollAndScan(holding)
  await hold()
})

/** Reads the users from the panel that somebody wants to be read. */
async function observe(): Promise<string[]> {
  const entries = await transact(holding.db, (tx) => takeOutbox(tx, 100))
  const names = entries.flatMap((entry) => (entry.kind === 'observation' ? entry.usernames : []))
  await readNamedUsers({ ...workOf(holding), ...unhurried }, names)
  return names
}

function moveDate(): void {
  const anna = holding.panel.state.mustFind('anna')
  anna.createdAt = new Date(Date.parse(`${anna.createdAt}Z`) + threeHours).toISOString().slice(0, -1)
}

test('a held user whose date of creation was moved by a zone is read, and then given back', async () => {
  await enforce()
  await lift()
  moveDate()
  await enforce()
  expect([statuses('anna'), await rows()]).toEqual([['disabled'], ['anna held']])
  expect(await holding.figures()).toMatchObject({ failed: 1 })
  expect(await observe()).toEqual(['anna'])
  await enforce()
  expect([statuses('anna'), await rows()]).toEqual([['active'], ['anna restored']])
})

test('a user that was created again in the place of a held one is read, and is left as it is', async () => {
  await enforce()
  await lift()
  holding.panel.state.deleteUser('anna')
  create('anna', { status: 'disabled' })
  await enforce()
  await observe()
  await enforce()
  expect([statuses('anna'), await rows()]).toEqual([['disabled'], ['anna gone']])
})

test.each(['before it is looked at', 'when it is looked at'])(
  'a user that a late request has disabled and whose date was changed is given back once more: read %s',
  async (when) => {
    holding.panel.faults.add({ method: 'PUT', kind: 'hang', acts: 'late', times: 1 })
    await enforce()
    await lift()
    await enforce()
    await holding.panel.late.carryOut()
    moveDate()
    if (when === 'before it is looked at') await pollAndScan(holding)
    await passLook(holding)
    await enforce()
    await observe()
    await enforce()
    expect(statuses('anna')).toEqual(['active'])
  },
)
