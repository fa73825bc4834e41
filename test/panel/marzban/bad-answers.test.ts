import { describe, expect, test } from 'vitest'
import { facing, facingTcp } from '../facing.ts'
import { type Answer, adminJson, html, json } from '../fake-panel.ts'

describe("answers that are not Marzban's", () => {
  test.each([
    ['HTML with a 200, as of a captive portal', (_request, response) => html(response, 200)],
    ['HTML with a 403, as of a firewall', (_request, response) => html(response, 403)],
    ['HTML with a 401, as of a proxy', (_request, response) => html(response, 401)],
    [
      'JSON by name only',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"username": "ada", "is_su')
      },
    ],
    [
      'JSON that is not named so',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(JSON.stringify(adminJson))
      },
    ],
    [
      'no body at all',
      (_request, response) => {
        response.writeHead(204).end()
      },
    ],
    [
      'less than the length it announced',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
        response.write('{"username": "ada"', () => response.destroy())
      },
    ],
    [
      'a chunked body that breaks off',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write(JSON.stringify(adminJson), () => response.destroy())
      },
    ],
  ] satisfies [string, Answer][])('%s: panel_bad_answer', async (_name, answer) => {
    const { panel, client } = await facing(answer)
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_bad_answer' })
    expect(panel.requests).toHaveLength(1)
  })

  test('a long reason is cut between two characters: no queue of the database keeps half of one', async () => {
    const detail = `${'x'.repeat(199)}\u{1f600} and more`
    const { client } = await facing((_request, response) => json(response, 403, { detail }))
    const error: unknown = await client.account().catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'panel_forbidden', message: expect.stringContaining('xxx') })
    expect((error as Error).message.isWellFormed()).toBe(true)
  })

  test('an answer that is too large is a bad answer', async () => {
    const huge: Answer = (_request, response) => json(response, 200, { ...adminJson, note: 'x'.repeat(5000) })
    const { client } = await facing(huge, { maxAnswerBytes: 4096 })
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('too large'),
    })
  })

  test.each([
    ['https://panel.example/api/admin', /^Set MARZBAN_URL to https:\/\/panel\.example\./],
    ['/base/api/admin?next=secret', /^Set MARZBAN_URL to http:\/\/127\.0\.0\.1:\d+\/base\./],
    ['https://me:hush@sso.example/login?token=secret', /^Set MARZBAN_URL to https:\/\/sso\.example\/login\./],
    ['ftp://panel.example/api/admin', null],
    [undefined, null],
  ])(
    'a redirect to %s is not followed, and names the address to configure to nobody but the log',
    async (location, said) => {
      const { panel, client } = await facing((_request, response) => {
        response.writeHead(307, location === undefined ? {} : { location }).end()
      })
      const error = await client.account().catch((caught: unknown) => caught)
      expect(error).toMatchObject({
        code: 'panel_bad_answer',
        message: expect.stringMatching(/\(307\)\. Redirects are not followed/),
        forOperator: said === null ? undefined : expect.stringMatching(said),
      })
      expect(String(error)).not.toMatch(/example|127\.0/)
      expect(JSON.stringify(error)).not.toMatch(/secret|hush/)
      expect(String(error)).not.toMatch(/secret|hush/)
      expect(panel.requests).toEqual(['GET /api/admin'])
    },
  )

  test('an answer that is not HTTP is a bad answer', async () => {
    const client = await facingTcp((socket) =>
      socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n')),
    )
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('is not HTTP'),
    })
  })

  test.each([
    [400, '"zz" is not\n a valid sort option', '"zz" is not a valid sort option'],
    [422, { limit: 'Input should be a valid integer' }, 'limit: Input should be a valid integer'],
  ])("the panel's own words about a %i are given in one line, and in short", async (status, detail, said) => {
    const details = [detail, '!'.repeat(5000)]
    const { client } = await facing((_request, response) =>
      json(response, status, { detail: details.shift() }),
    )
    await expect(client.users({ offset: 0, limit: 1 })).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: `The panel refuses GET /api/users (${status}): ${said}.`,
    })
    const long = await client.users({ offset: 0, limit: 1 }).catch((error: Error) => error.message)
    expect(String(long).length).toBeLessThan(300)
  })
})

describe('a user that may be gone', () => {
  test.each([
    ["nginx's page", (_request, response) => html(response, 404)],
    [
      'a path that Marzban does not have',
      (_request, response) => json(response, 404, { detail: 'Not Found' }),
    ],
    ['another JSON', (_request, response) => json(response, 404, { error: 'User not found' })],
    ['another 404 of Marzban', (_request, response) => json(response, 404, { detail: 'Admin not found' })],
  ] satisfies [string, Answer][])('%s proves nothing', async (_name, answer) => {
    const { client } = await facing(answer)
    await expect(client.user('ada_one')).rejects.toMatchObject({ code: 'panel_bad_answer' })
    expect(await client.deleteUser('ada_one')).toMatchObject({
      verdict: 'unclear',
      error: { code: 'panel_bad_answer' },
    })
  })

  test("the panel's own word does", async () => {
    const { client } = await facing(({ url }, response) =>
      json(response, 404, { detail: url?.startsWith('/api/admin/') ? 'Admin not found' : 'User not found' }),
    )
    expect(await client.user('ada_one')).toBeNull()
    expect(await client.deleteUser('ada_one')).toMatchObject({ verdict: 'missing' })
    expect(await client.deleteAdmin('ada')).toMatchObject({ verdict: 'missing' })
  })

  test('a deletion is done only when Marzban says so', async () => {
    const answers: Answer[] = [
      (_request, response) => json(response, 200, { detail: 'User successfully deleted' }),
      (_request, response) => json(response, 200, { status: 'ok' }),
      (_request, response) => html(response, 200),
      (_request, response) => json(response, 403, { detail: "You're not allowed" }),
    ]
    const { client } = await facing((request, response) => answers.shift()?.(request, response))
    expect(await client.deleteUser('a')).toEqual({ verdict: 'done', error: null })
    const unclear = { verdict: 'unclear', error: { code: 'panel_bad_answer' } }
    expect(await client.deleteUser('a')).toMatchObject(unclear)
    expect(await client.deleteUser('a')).toMatchObject(unclear)
    expect(await client.deleteUser('a')).toMatchObject({
      verdict: 'refused',
      error: { code: 'panel_forbidden', message: expect.stringContaining("You're not allowed") },
    })
  })
})
