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

/** A notification in the panel's form. */
function good(username: string, more = ''): string {
  const body = notification(username)
  return post(`${known}${more}content-length: ${body.length}\r\n`, body)
}

/** The service still works: it accepts the next notification. */
async function expectNextTaken(): Promise<void> {
  await service.takeOutbox()
  expect(await sendBytes(address, good('next', 'connection: close\r\n'))).toMatch(/^HTTP\/1.1 204 /)
  expect((await service.takeOutbox()).usernames).toEqual(['next'])
  expect(JSON.stringify(service.logged)).not.toContain(secret)
}

const refused = expect.objectContaining({ msg: 'a broken request was refused', address: '127.0.0.1' })

describe('broken notifications', () => {
  test.each(brokenRequests('/webhooks/marzban', known))(
    '%s is refused, and a hidden second request is not accepted',
    async (_name, bytes) => {
      expect(await sendBytes(address, bytes + good('smuggled', 'connection: close\r\n'))).toMatch(
        /^HTTP\/1.1 4\d\d /,
      )
      expect((await service.takeOutbox()).usernames).toEqual([])
      expect(service.logged).toContainEqual(refused)
      await expectNextTaken()
    },
  )

  test('garbage after a good notification ends the connection', async () => {
    await sendBytes(address, `${good('first')}\0\r\n garbage ${good('smuggled')}`)
    expect((await service.takeOutbox()).usernames).not.toContain('smuggled')
    expect(service.logged).toContainEqual(refused)
    await expectNextTaken()
  })
})

describe('slow senders', () => {
  test.each([
    ['headers', `POST /webhooks/marzban HTTP/1.1\r\n${known}`],
    ['a body', post(`${known}content-length: 1000\r\n`, '[{')],
    ['a chunk', post(`${known}transfer-encoding: chunked\r\n`, '40\r\n[{')],
  ])('%s that never ends is cut off', async (_name, bytes) => {
    expect(await sendBytes(address, bytes)).toMatch(/^HTTP\/1.1 408 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }))
    expect((await service.takeOutbox()).usernames).toEqual([])
    await expectNextTaken()
  })

  test.each([
    ['headers', 'POST /webhooks/marzban HTTP/1.1\r\n', 'x-a: 1\r\n'],
    ['a body', post(`${known}content-length: 1000000\r\n`), ' '],
  ])('a client that sends %s drop by drop is cut off', async (_name, bytes, drop) => {
    expect(await drip(address, [bytes, drop], 20)).toMatch(/^HTTP\/1.1 408 /)
    expect((await service.takeOutbox()).usernames).toEqual([])
    await expectNextTaken()
  })
})

describe('a body that is too large', () => {
  let hasty: TestService
  beforeAll(async () => {
    hasty = service
    // A busy machine needs time to send this much, so this service waits as long as usual.
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
  ])('a body that is too large is refused: %s', async (_name, bytes) => {
    expect(await sendBytes(address, bytes)).toMatch(/^HTTP\/1.1 413 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ status: 413, path: '/webhooks/marzban' }))
    await expectNextTaken()
  })

  test('the body of a sender without the secret is not read', async () => {
    const head = `content-type: application/json\r\nconnection: close\r\ncontent-length: ${tooLarge - 1}\r\n`
    expect(await sendBytes(address, post(head, '['))).toMatch(/^HTTP\/1.1 401 /)
    expect(service.logged).toContainEqual(expect.objectContaining({ status: 401 }))
    await expectNextTaken()
  })
})
