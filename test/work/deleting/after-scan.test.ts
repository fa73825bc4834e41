import { beforeEach, expect, test } from 'vitest'
import { deleteUser } from '../../../src/work/deleting/delete-user.ts'
import { asOperator, pollAndScan, useDeleting, workOf } from '../../support/deleting.ts'

const day = 86_400_000
let clock = Date.UTC(2026, 5, 1)
const place = useDeleting({ now: () => clock })
let name: string
let count = 0

beforeEach(async () => {
  count += 1
  name = `seen${count}`
  place.panel.state.createAdmin('ada')
  place.panel.state.createUser(name, { admin: 'ada', lifetime: 100n })
  await pollAndScan(place)
})

const tenure = () =>
  place.db
    .selectFrom('tenures')
    .select(['ended_by', 'counted'])
    .where('username', '=', name)
    .executeTakeFirstOrThrow()

test('a user that only scans have seen for a month is the one that is deleted unread, although its date was changed', async () => {
  clock += 30 * day
  await pollAndScan(place)
  place.panel.state.mustFind(name).createdAt = new Date(clock - 15 * day).toISOString().slice(0, 23)
  await deleteUser(workOf(place), asOperator(name, { preserveTraffic: false }))
  expect(await tenure()).toEqual({ ended_by: 'service', counted: 100n })
})

test.each([true, false])(
  'a user that turns out to be gone while a scan ends is noted as gone, with preserve_traffic %s',
  async (preserveTraffic) => {
    const before = async () => {
      await pollAndScan(place)
      place.panel.state.deleteUser(name)
    }
    await pollAndScan(place)
    place.panel.faults.add({ kind: 'hook', method: 'GET', path: `/api/user/${name}`, times: 1, before })
    const deletion = deleteUser(workOf(place), asOperator(name, { preserveTraffic }))
    await expect(deletion).rejects.toMatchObject({ code: 'not_found' })
    expect(await tenure()).toEqual({ ended_by: 'panel', counted: 100n })
  },
)
