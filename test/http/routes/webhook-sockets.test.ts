import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeSecret } from '../../stand-in/secrets.ts'
import { brokenRequests } from '../broken-bytes.ts'
import { drip, sendBytes } from '../front/raw.ts'
import { startTestService, type TestService } from '../service.ts'

const secret = makeSecret()
const known = `x-webhook-secret: ${secret}\r\ncontent-type: application/json\r\n`
const notification = (username: string) => JSON.stringify([{ action: 'user_updated', username }])
const tooLarge = 32 * 1024 * 1024 + 1
let service: TestService
let address: string

beforeAll(async () => {
  service = await startTestService({
    admins: [],
    webhookSecret: secret,
    logLevel: 'trace',
    patience: { headersMs: 500, requestMs: 800, checkEveryMs: 50, answerMs: 500 },
  })
  address = await service.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => service.close())
beforeEach(async () => {
  await service.takeOutbox()
  service.logged.length = 0
})

function post(head: string, body = ''): string {
  return `POST /webhooks/marzban HTTP/1.1\r\nhost: x\r\n${head}\r\n${body}`
}

/** A notification as the panel posts it. */
function good(username: string, more = ''): string {
  const body = notification(username)
  return post(`${known}${more}content-length: ${body.length}\r\n`, body)
}

/** What came before has done no harm: the next notification is taken. */
async function expectNextTaken(): Promise<void> {
  await service.takeOutbox()
  expect(await sendBytes(address, good('next', 'connection: close\r\n'))).toMatch(/^HTTP\/1.1 204 /)
  expect((await service.takeOutbox()).usernames).toEqual(['next'])
  expect(JSON.stringify(service.logged)).not.toContain(secret)
}

const refused = expect.objectContaining({ msg: 'a broken request was refused', address: '127.0.0.1' })

describe('what is no proper notification', () => {
  test.each(brokenRequests('/webhooks/marzban', known))(
    '%s is refused, and nothing hidden in it is taken',
    async (_name, bytes) => {
      expect(await sendBytes(address, bytes + good('smuggled', 'connection: close\r\n'))).toMatch(
        /^HTTP\/1.1 4\d\d /,
      )
      expect((await service.takeOutbox()).usernames).toEqual([])
      expect(service.logged).toContainEqual(refused)
      await expectNextTaken()
    },
  )

  test('garbage after a good one ends the connection', async () => {
    await sendBytes(address, `${good('first')}\0\r\n garbage ${good('smuggled')}`)
    expect((await service.takeOutbox()).usernames).not.toContain('smuggled')
    expect(service.logged).toContainEqual(refused)
    await expectNextTaken()
  })
})

describe('whoever takes too long', () => {
  test.each([
    ['headers', `POST /webhooks/marzban HTTP/1.1\r\n${known}`],
    ['a body', post(`${known}content-length: 1000\r\n`, '[{')],
    ['a chunk', post(`${known}transfer-encoding: chunked\r\n`, '40\r\n[{')],
  ])('%s that never ends is not waited for', async (_name, bytes) => {
    expect(await sendBytes(address, bytes)).toMatch(/^HTTP\/1.1 408 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }))
    expect((await service.takeOutbox()).usernames).toEqual([])
    await expectNextTaken()
  })

  test.each([
    ['headers', 'POST /webhooks/marzban HTTP/1.1\r\n', 'x-a: 1\r\n'],
    ['a body', post(`${known}content-length: 1000000\r\n`), ' '],
  ])('%s that come drop by drop are not either', async (_name, bytes, drop) => {
    expect(await drip(address, [bytes, drop], 20)).toMatch(/^HTTP\/1.1 408 /)
    expect((await service.takeOutbox()).usernames).toEqual([])
    await expectNextTaken()
  })
})

describe('a body that is too large', () => {
  let hasty: TestService
  beforeAll(async () => {
    hasty = service
    // To send so much takes a busy machine its time.
    service = await startTestService({ admins: [], webhookSecret: secret, logLevel: 'trace' })
    address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await service.close()
    service = hasty
  })

  test.each([
    ['announced', post(`${known}content-length: ${tooLarge}\r\n`, '[')],
    [
      'in chunks',
      post(`${known}transfer-encoding: chunked\r\n`, `${tooLarge.toString(16)}\r\n[${' '.repeat(tooLarge)}`),
    ],
  ])('%s is refused', async (_name, bytes) => {
    expect(await sendBytes(address, bytes)).toMatch(/^HTTP\/1.1 413 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ status: 413, path: '/webhooks/marzban' }))
    await expectNextTaken()
  })

  test('of who does not know the secret is not even waited for', async () => {
    const head = `content-type: application/json\r\nconnection: close\r\ncontent-length: ${tooLarge - 1}\r\n`
    expect(await sendBytes(address, post(head, '['))).toMatch(/^HTTP\/1.1 401 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ status: 401 }))
    await expectNextTaken()
  })
})
