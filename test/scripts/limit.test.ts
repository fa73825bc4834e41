import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { apiKey, startTestService, type TestService, withKey } from '../http/service.ts'
import { makeSecret } from '../stand-in/secrets.ts'
import { runHere } from './run-here.ts'

let service: TestService
let address = ''
let ana = 0n

beforeAll(async () => {
  service = await startTestService({
    admins: [{ username: 'ana' }, { username: '1' }, { username: 'a/b c' }],
  })
  await service.poll()
  await service.scan()
  ana = await service.idOf('ana')
  address = await service.app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => service.close())
beforeEach(() => call('DELETE', '/limit'))

const call = (method: 'GET' | 'PUT' | 'DELETE', tail: string, payload?: object) =>
  service.app.inject({ method, url: `/admins/${ana}${tail}`, headers: withKey, ...(payload && { payload }) })
const limit = async () => (await call('GET', '/limit')).json()
const run = (args: string, environment: Record<string, string> = {}) =>
  runHere('limit.ts', args.split(' '), { LEDGER: address, API_KEY: apiKey, ...environment })

test('a limit is set as it was shown, exactly, and shown again', async () => {
  const { code, stdout } = await run(
    'set ana 1.5TiB --monthly --tz Asia/Tehran --anchor-day 31 --carry-over all --warn-at 80,95 ' +
      '--valid-until 2099-01-01T00:00:00Z --yes',
  )
  expect(stdout).toContain('ana (account')
  expect(stdout).toMatch(/, now\n {2}no limit\n/)
  expect(stdout).toMatch(
    /, then\n {2}limit: +1\.64 TB \(1649267441664 bytes\), each month from day 31, Asia\/Tehran\n/,
  )
  expect([code, stdout]).toEqual([0, expect.stringContaining('The limit is set.')])
  expect(await limit()).toMatchObject({
    traffic_limit: 1_649_267_441_664,
    period: { unit: 'month', anchor_day: 31, timezone: 'Asia/Tehran' },
    carry_over: 'all',
    warn_at: [80, 95],
    valid_until: '2099-01-01T00:00:00.000Z',
    on_exceed: 'disable_users',
  })
  const shown = await run(`show ${ana}`)
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('warns:   at 80 %, 95 %')])
})

test('without a terminal and without --yes, nothing is changed', async () => {
  const { code, stdout, stderr } = await run('set ana 1TB')
  expect(stdout).toContain('1.00 TB (1000000000000 bytes), prepaid')
  expect([code, stderr]).toEqual([1, expect.stringContaining('add --yes')])
  expect(await limit()).toMatchObject({ status: 404 })
})

test('a limit that somebody sets after the first was shown that there is none is left alone', async () => {
  const meanwhile = { traffic_limit: 5, period: null, on_exceed: 'notify' }
  const between = createServer(async (request, response) => {
    const chunks = await request.toArray()
    const { url = '', method = 'GET' } = request
    const { 'content-type': type } = request.headers
    const answer = await service.app.inject({
      method: method as 'GET' | 'PUT',
      url,
      headers: { ...withKey, ...(type && { 'content-type': type }) },
      ...(chunks.length > 0 && { payload: Buffer.concat(chunks) }),
    })
    if (url.endsWith('dry_run=true')) await call('PUT', '/limit', meanwhile)
    response.writeHead(answer.statusCode).end(answer.body)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void between.close())
  await once(between, 'listening')
  const { port } = between.address() as AddressInfo
  const { code, stderr } = await run('set ana 1TB --yes', { LEDGER: `http://127.0.0.1:${port}` })
  expect([code, stderr]).toEqual([1, expect.stringContaining('set a limit meanwhile')])
  expect(await limit()).toMatchObject(meanwhile)
})

test('grants are added, and taken away', async () => {
  await run('set ana 1TB --yes')
  await run('grant ana 100GB --note cash --reference invoice-7')
  const { code, stdout } = await run('grant ana -1GB')
  expect([code, stdout]).toEqual([0, expect.stringContaining('of 1.09 TB (1099000000000 bytes)')])
  const url = `/admins/${ana}/grants`
  const { items } = (await service.app.inject({ url, headers: withKey })).json()
  expect(items.slice(0, 2)).toMatchObject([
    { bytes: -1_000_000_000, note: null },
    { bytes: 100_000_000_000, note: 'cash', reference: 'invoice-7' },
  ])
})

test('what a limit would disable is shown first, and a limit that only notifies disables nobody', async () => {
  for (const username of ['u1', 'u2'])
    service.panel.state.createUser(username, { admin: 'ana', lifetime: 500n })
  await service.scan()
  const strict = await run('set ana 1B --count-from beginning')
  expect(strict.stdout).toMatch(
    /then: +users are disabled\n {2}held: +limit; 0 of 2 users are disabled, 0 failed/,
  )
  const mild = await run('set ana 1B --count-from beginning --on-exceed notify')
  expect(mild.stdout).toMatch(/then: +only recorded, nobody is disabled\n(?! {2}held)/)
})

test('an admin is held and released, with the reason, also without a limit', async () => {
  const hold = () => call('GET', '/hold')
  const words = ['hold', 'ana', '--reason', 'unpaid invoice']
  const held = await runHere('limit.ts', words, { LEDGER: address, API_KEY: apiKey })
  expect([held.code, held.stdout]).toEqual([
    0,
    expect.stringMatching(/no limit\n {2}held: +operator \(unpaid invoice, by api_key\); 0 of 2 users/),
  ])
  expect((await hold()).json()).toMatchObject({
    reasons: ['operator'],
    operator: { reason: 'unpaid invoice' },
  })
  const released = await run('release ana')
  expect([released.code, released.stdout]).toEqual([0, expect.not.stringContaining('operator')])
  const again = await run('release ana')
  expect([again.code, again.stderr]).toEqual([
    1,
    expect.stringMatching(/No operator holds .* any more: its users are being enabled again/),
  ])
})

test('an admin is meant by its name first, whatever characters it has, and then by its id', async () => {
  expect((await run('set 1 1TB --yes')).code).toBe(0)
  const named = await service.idOf('1')
  expect((await service.app.inject({ url: `/admins/${named}/limit`, headers: withKey })).statusCode).toBe(200)
  const odd = await runHere('limit.ts', ['set', 'a/b c', '1TB', '--yes'], {
    LEDGER: address,
    API_KEY: apiKey,
  })
  expect(odd.stdout).toContain('a/b c (account')
})

test('the service and the key of the command line come first', async () => {
  const args = `show ana --ledger ${address}/ --key ${apiKey}`
  const { code, stdout } = await run(args, { LEDGER: 'http://127.0.0.1:1', API_KEY: makeSecret() })
  expect([code, stdout]).toEqual([1, expect.stringContaining('no limit')])
})

describe('a mistake gets a hint, and changes nothing', () => {
  test.each([
    ['reset ana', 'npm run limit -- set'],
    ['set ana', 'npm run limit -- set'],
    ['set ana 1tb --yes', 'is not a size'],
    ['set ana 1TB --daily --weekly --tz UTC --yes', 'Choose one'],
    ['set ana 1TB --tz UTC --yes', 'need one of --daily'],
    ['set ana 1TB --monthly --yes', 'Add --tz'],
    ['set ana 1TB --warn-at high --yes', '--warn-at must be a whole number'],
    ['set ana 1TB --reason x --yes', '--reason is not for set'],
    ['set ana 9PiB --yes', 'traffic_limit must be'],
    ['set ana 1TB --weekly --tz Asia/Teheran --yes', 'Asia/Tehran'],
    ['set nobody 1TB --yes', 'There is no open account of an admin nobody'],
    ['set 999999 1TB --yes', 'There is no account with the id 999999'],
    ['grant ana 1GB', 'There is no limit of traffic to add to'],
    ['hold ana', 'Add --reason'],
  ])('%s', async (args, hint) => {
    const { code, stderr } = await run(args)
    expect([code, stderr]).toEqual([1, expect.stringContaining(hint)])
    expect(await limit()).toMatchObject({ status: 404 })
  })

  test.each([
    ['a wrong key', { API_KEY: makeSecret() }, 1, 'Check API_KEY'],
    ['a service that is not there', { LEDGER: 'http://127.0.0.1:1' }, 2, 'Check LEDGER'],
  ])('%s', async (_what, environment, expected, hint) => {
    const { code, stderr } = await run('show ana', environment)
    expect([code, stderr]).toEqual([expected, expect.stringContaining(hint)])
  })
})
