import { afterEach, expect, test } from 'vitest'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser, through } = front

let isLooping = true
let loops: Promise<void>[] = []
afterEach(async () => {
  isLooping = false
  await Promise.all(loops)
  loops = []
})

/** A reseller that calls for its own user all the time, `width` calls at once. */
async function loop(username: string, width = 4): Promise<void> {
  isLooping = true
  // As long as a panel takes, so that somebody reads the user at any moment.
  front.service.panel.faults.add({ kind: 'delay', method: 'GET', path: `/api/user/${username}`, ms: 9 })
  const call = async () => {
    while (isLooping) await through('POST', `/api/user/${username}/active-next`, 'ada')
  }
  loops = Array.from({ length: width }, call)
  const asked = () => front.service.panel.requests.filter(({ path }) => path.endsWith('/active-next')).length
  const before = asked()
  while (asked() < before + 2 * width) await new Promise((resolve) => setImmediate(resolve))
}

test('a reseller that loops on its user does not keep sudo from moving it', async () => {
  const username = newUser('ada', 70n)
  await loop(username)
  for (let turn = 0; turn < 5; turn += 1) {
    const answer = await through('PUT', `/api/user/${username}/set-owner?admin_username=ada`, 'root')
    expect(answer.status).toBe(200)
  }
})

test('nor from deleting it, with its final reading', async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    const username = newUser('ada', 70n)
    await loop(username)
    expect((await through('DELETE', `/api/user/${username}`, 'root')).status).toBe(200)
    expect(await front.receiptsOf(username)).toMatchObject([{ state: 'deleted', final_reading: 70n }])
    isLooping = false
    await Promise.all(loops)
  }
})

test('nor from deleting its admin, nor from a reset of all users', async () => {
  const username = newUser('ada', 70n)
  await front.service.scan()
  await loop(username)
  expect((await through('POST', '/api/users/reset', 'root')).status).toBe(200)
  const id = await front.service.idOf('ada')
  const opened = await front.service.app.inject({
    method: 'DELETE',
    url: `/admins/${id}`,
    headers: front.service.as('root'),
  })
  const receipt = opened.json().id
  await front.service.carryOut(receipt)
  const { state } = await front.service.db
    .selectFrom('deletions')
    .select('state')
    .where('id', '=', BigInt(receipt))
    .executeTakeFirstOrThrow()
  expect(state).toBe('deleted')
})
