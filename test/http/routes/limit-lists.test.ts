import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService, withKey } from '../service.ts'

/** Each admin with its limit in bytes, and what it has used of it; null: no limit of traffic. */
const admins = {
  ok: [1_000, 100n],
  warned: [1_000, 800n],
  exceeded: [1_000, 1_500n],
  far: [1, 2n ** 52n],
  free: [null, 500n],
  expired: [1_000, 10n],
} as const
let service: TestService

beforeAll(async () => {
  service = await startTestService({
    admins: [...Object.keys(admins), 'none'].map((username) => ({ username })),
  })
  await service.poll()
  await service.scan()
  for (const [username, [limit, used]] of Object.entries(admins)) {
    const payload = {
      traffic_limit: limit,
      period: null,
      on_exceed: 'notify',
      warn_at: [80],
      valid_until: username === 'expired' ? '2020-01-01T00:00:00Z' : null,
    }
    const url = `/admins/${await service.idOf(username)}/limit`
    await service.app.inject({ method: 'PUT', url, headers: withKey, payload })
    const admin = service.panel.state.admins.get(username)
    if (admin) admin.usage = used
  }
  await service.poll()
})
afterAll(() => service.close())

async function list(query: string, headers: Record<string, string> = withKey) {
  const answer = await service.app.inject({ url: `/admins?${query}`, headers })
  return answer.json<{ items: { username: string }[]; next_cursor: string | null; detail?: string }>()
}
const names = ({ items }: Awaited<ReturnType<typeof list>>) =>
  items.map(({ username }) => username).filter((username) => username !== 'ledger')

test.each([
  ['exceeded', 'exceeded,far'],
  ['warned', 'warned'],
  ['expired,warned', 'expired,warned'],
  ['ok', 'free,ok'],
])('only accounts whose limit is %s', async (state, expected) => {
  expect(names(await list(`limit_state=${state}`)).join()).toBe(expected)
})

test('accounts by the part that they have used, page by page', async () => {
  const all: string[] = []
  let cursor = ''
  for (;;) {
    const page = await list(`sort=-used_percent&limit=2${cursor}`)
    all.push(...names(page))
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  expect(all.slice(0, 5)).toEqual(['far', 'exceeded', 'warned', 'ok', 'expired'])
  expect(all.slice(5).sort()).toEqual(['free', 'none'])
  expect(names(await list('sort=used_percent')).toReversed()).toEqual(all)
})

test('an admin finds its own account only in its state', async () => {
  expect(names(await list('limit_state=exceeded', service.as('far')))).toEqual(['far'])
  expect(names(await list('limit_state=ok', service.as('far')))).toEqual([])
  expect(names(await list('limit_state=ok', service.as('none')))).toEqual([])
})

test('an unknown state is refused with those that there are', async () => {
  expect((await list('limit_state=held')).detail).toContain('ok, warned, exceeded, expired')
})
