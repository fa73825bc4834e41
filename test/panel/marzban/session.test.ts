import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { connected, facing } from '../facing.ts'
import { type Answer, adminJson, connect, grantToken, html, json, password, tokenOf } from '../fake-panel.ts'

/** A panel that knows the tokens of `accepted` only. */
const accepting =
  (...accepted: string[]): Answer =>
  ({ headers: { authorization } }, response) => {
    if (accepted.some((token) => authorization === `Bearer ${token}`)) json(response, 200, adminJson)
    else json(response, 401, { detail: 'Could not validate credentials' })
  }

const refusing: Answer = (_request, response) =>
  json(response, 401, { detail: 'Incorrect username or password' })

describe("the service's token", () => {
  test('is asked for once and used by all calls, also those that begin together', async () => {
    const { panel, client } = await facing(accepting(tokenOf(1)))
    await Promise.all([client.account(), client.account(), client.account()])
    await client.account()
    expect(panel.logins).toHaveLength(1)
    expect(new Set(panel.authorizations)).toEqual(new Set([`Bearer ${tokenOf(1)}`]))
  })

  test('is renewed once when it has expired, by however many calls find out together', async () => {
    const { panel, client } = await facing(accepting(tokenOf(2)))
    const admins = await Promise.all([client.account(), client.account(), client.account(), client.account()])
    expect(admins).toHaveLength(4)
    expect(panel.logins).toHaveLength(2)
  })

  test('is renewed for a deletion too, which was refused and so not done', async () => {
    const { panel, client } = await facing((request, response) => {
      if (request.headers.authorization === `Bearer ${tokenOf(2)}`)
        json(response, 200, { detail: 'User successfully deleted' })
      else json(response, 401, { detail: 'Could not validate credentials' })
    })
    expect(await client.deleteUser('ada_one')).toEqual({ verdict: 'done', error: null })
    expect(panel.requests).toHaveLength(2)
  })

  test('that is refused though it is new: panel_unauthorized naming the variables, and a pause', async () => {
    let clock = 0
    const { panel, client } = await facing(accepting(), { now: () => clock })
    const refused = {
      code: 'panel_unauthorized',
      message: expect.stringMatching(/MARZBAN_USERNAME and MARZBAN_PASSWORD/),
    }
    await expect(client.account()).rejects.toMatchObject(refused)
    expect([panel.logins.length, panel.requests.length]).toEqual([2, 2])
    await expect(client.account()).rejects.toMatchObject({ ...refused, retryAfter: 30 })
    expect([panel.logins.length, panel.requests.length]).toEqual([2, 2])
    clock = 30_000
    await expect(client.account()).rejects.toMatchObject(refused)
    expect(panel.logins.length).toBeGreaterThan(2)
  })

  test('is not renewed because a proxy answers 401', async () => {
    const { panel, client } = await facing((_request, response) => html(response, 401))
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_bad_answer' })
    expect(panel.logins).toHaveLength(1)
  })

  test('that could not be sent in a header is refused, not sent', async () => {
    const login: Answer = (_request, response) => json(response, 200, { access_token: 'two\r\nlines' })
    const { panel, client } = await facing(accepting(), { login })
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_bad_answer' })
    expect(panel.requests).toEqual([])
  })
})

describe('a login that is refused', () => {
  test.each([
    ['by the panel', refusing, 'panel_unauthorized', /MARZBAN_USERNAME and MARZBAN_PASSWORD/],
    ['by a proxy', (_request, response) => html(response, 403), 'panel_bad_answer', /MARZBAN_URL/],
    [
      'as too frequent',
      (_request, response) => json(response, 429, { detail: 'Too Many Requests' }),
      'panel_bad_answer',
      /429/,
    ],
  ] satisfies [string, Answer, string, RegExp][])(
    '%s is not repeated for half a minute; meanwhile calls fail at once with the same error',
    async (_name, login, code, message) => {
      let clock = 5_000
      const { panel, client } = await facing(accepting(), { login, now: () => clock })
      const refused = { code, message: expect.stringMatching(message) }
      await Promise.all([
        expect(client.account()).rejects.toMatchObject({ ...refused, retryAfter: 30 }),
        expect(client.adminList()).rejects.toMatchObject({ ...refused, retryAfter: 30 }),
      ])
      clock += 29_001
      await expect(client.account()).rejects.toMatchObject({ ...refused, retryAfter: 1 })
      expect(panel.logins).toHaveLength(1)
      clock += 999
      await expect(client.account()).rejects.toMatchObject(refused)
      expect(panel.logins).toHaveLength(2)
    },
  )

  test('does not stop callers with their own token', async () => {
    const { client } = await facing(accepting('their.own.token'), { login: refusing })
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_unauthorized' })
    expect((await client.whoami('their.own.token')).username).toBe('ada')
  })

  test.each([
    ['a panel that fails', (_request, response) => html(response, 500), 'panel_failed'],
    ['a captive portal', (_request, response) => html(response, 200), 'panel_bad_answer'],
    [
      'a redirect',
      (_request, response) => {
        response.writeHead(301, { location: 'https://panel.example/api/admin/token' }).end()
      },
      'panel_bad_answer',
    ],
  ] satisfies [string, Answer, string][])(
    '%s judged no password: the next call logs in again',
    async (_name, fault, code) => {
      const grant = grantToken()
      let logins = 0
      const login: Answer = (request, response) => {
        logins += 1
        if (logins === 1) fault(request, response)
        else grant(request, response)
      }
      const { client } = await facing(accepting(tokenOf(1)), { login })
      await expect(client.account()).rejects.toMatchObject({ code })
      expect((await client.account()).username).toBe('ada')
    },
  )
})

describe("a caller's token", () => {
  test("is sent as it is, and when refused nothing is asked with the service's", async () => {
    const { panel, client } = await facing(accepting('their.own.token'))
    expect((await client.whoami('their.own.token')).username).toBe('ada')
    for (const call of [() => client.whoami('forged'), () => client.user('ada_one', { token: 'forged' })]) {
      await expect(call()).rejects.toMatchObject({ code: 'panel_unauthorized' })
    }
    expect(await client.deleteUser('ada_one', { token: 'forged' })).toMatchObject({
      verdict: 'refused',
      error: { code: 'panel_unauthorized' },
    })
    expect(panel.authorizations).toEqual(['Bearer their.own.token', ...Array(3).fill('Bearer forged')])
    expect(panel.logins).toEqual([])
  })

  test.each(['', 'two words', 'two\r\nlines', 'näme', '"quoted"', 'x'.repeat(5000)])(
    'that is no token, %j, is not sent',
    async (token) => {
      const { panel, client } = await facing(accepting())
      await expect(client.whoami(token)).rejects.toMatchObject({ code: 'panel_unauthorized' })
      expect(panel.requests).toEqual([])
    },
  )
})

describe('secrets', () => {
  const spoken = (error: unknown): string =>
    error instanceof Error
      ? `${error.message} ${error.stack} ${spoken(error.cause)} ${JSON.stringify(error)}`
      : String(error)

  test('appear in no error and in no line of the log, even when the panel repeats them', async () => {
    const echo: Answer = ({ headers }, response) => {
      const said = `you sent ${headers.authorization} and ${password}`
      const status = statuses.shift() ?? 200
      if (status === 200)
        response.writeHead(200, { 'content-type': 'application/json' }).end(`{"detail": ${said}`)
      else json(response, status, { detail: `you sent ${headers.authorization}` })
    }
    const statuses = [200, 400, 401, 401]
    const loginEcho: Answer = (_request, response) => json(response, 401, { detail: `wrong: ${password}` })
    const loginBroken: Answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"access_token": ${tokenOf(1)}`)
    }
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const errors: unknown[] = []
    const collect = (error: unknown) => void errors.push(error)

    const { client } = await facing(echo, { log })
    for (let call = 0; call < 3; call += 1) await client.account().catch(collect)
    statuses.push(403, 403, 422)
    await client.whoami(tokenOf(9)).catch(collect)
    await client.user('ada_one', { token: tokenOf(9) }).catch(collect)
    collect((await client.deleteUser('ada_one', { token: tokenOf(9) })).error)
    for (const login of [loginEcho, loginBroken]) {
      const { client: refused } = await facing(accepting(), { login, log })
      await refused.account().catch(collect)
    }
    const { client: cut } = await facing((request) => request.socket.resetAndDestroy(), { log })
    await cut.account().catch(collect)

    expect(errors).toHaveLength(9)
    expect(lines.length).toBeGreaterThan(2)
    for (const error of errors) log.error({ err: error }, 'failed')
    for (const text of [...errors.map(spoken), ...lines]) {
      expect(text).not.toContain(password)
      expect(text).not.toMatch(/token-\d-77af/)
    }
  })

  test('in MARZBAN_URL are neither sent nor said', async () => {
    const { panel } = await facing(accepting(tokenOf(1)))
    const client = connected(panel.url.replace('http://', 'http://me:hush@'))
    await client.account()
    expect(panel.authorizations).toEqual([`Bearer ${tokenOf(1)}`])
    const unheard = connected('http://me:hush@panel.invalid')
    const error = await unheard.whoami('abc').catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'panel_unreachable' })
    expect(spoken(error)).not.toContain('hush')
  })

  test.each(['ftp://me:hush@panel.example', 'panel.example', 'http://me:hush@', ''])(
    'the address %j is refused without being repeated',
    (url) => {
      expect(() => connect(url)).toThrow(
        expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('hush') }),
      )
    },
  )
})
