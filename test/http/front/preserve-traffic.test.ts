import { expect, test } from 'vitest'
import { useFront } from './use-front.ts'

const front = useFront()
const { newUser, through } = front

test.each([
  ['DELETE', (name: string) => `/api/user/${name}`],
  ['POST', (name: string) => `/api/user/${name}/reset`],
  ['POST', (name: string) => `/api/user/${name}/active-next`],
] as const)('preserve_traffic=false is for sudo admins: %s %s', async (method, path) => {
  const username = newUser('ada', 5n)
  const target = `${path(username)}?preserve_traffic=false`
  const refused = await through(method, target, 'ada')
  expect(refused.status).toBe(403)
  expect(JSON.parse(refused.body)).toEqual({ detail: 'Only a sudo admin may send preserve_traffic=false.' })
  expect(front.service.panel.requests.filter(({ path: asked }) => asked.includes(username))).toEqual([])
  expect((await through(method, target, 'root')).status).not.toBe(403)
})

test.each(['no', '', 'FALSE', 'false&preserve_traffic=true'])(
  'preserve_traffic=%s is refused before anything is asked',
  async (value) => {
    const username = newUser('ada', 5n)
    const answer = await through('POST', `/api/user/${username}/reset?preserve_traffic=${value}`, 'root')
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body).detail).toMatch(/preserve_traffic must be true or false/)
    expect(front.service.takeAsked()).toEqual([])
  },
)
