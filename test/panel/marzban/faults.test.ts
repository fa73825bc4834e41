import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { connected, facing, facingTcp } from '../facing.ts'
import { adminJson, html, json, startTcpServer, userJson } from '../fake-panel.ts'

describe('a panel that does not answer', () => {
  test('a refused connection is panel_unreachable after three attempts; it names the cause, and the host only for the log', async () => {
    const { url, host, close } = await startTcpServer(() => {})
    await close()
    const pauses: number[] = []
    const client = connected(url, { random: () => 0.5, sleep: async (ms) => void pauses.push(ms) })
    await expect(client.whoami('abc')).rejects.toMatchObject({
      code: 'panel_unreachable',
      message: expect.stringMatching(/^The panel cannot be reached \(ECONNREFUSED\)\. [^\d]*$/),
      forOperator: expect.stringContaining(host),
    })
    expect(pauses).toEqual([100, 200])
  })

  test('a name that does not resolve is panel_unreachable', async () => {
    const client = connected('http://panel.invalid')
    await expect(client.whoami('abc')).rejects.toMatchObject({
      code: 'panel_unreachable',
      message: expect.stringMatching(/^The panel cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/),
      forOperator: expect.stringContaining('panel.invalid:80'),
    })
  })

  test('TLS to a server without TLS is panel_unreachable, and the message says so', async () => {
    const { panel } = await facing((_request, response) => json(response, 200, adminJson))
    const client = connected(panel.url.replace('http', 'https'))
    await expect(client.whoami('abc')).rejects.toMatchObject({
      code: 'panel_unreachable',
      message: expect.stringMatching(/ERR_SSL_\w+.*http:\/\//),
    })
  })

  test('a reset connection is panel_unreachable; only a GET is tried again', async () => {
    const { panel, client } = await facing((request) => request.socket.resetAndDestroy())
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_unreachable' })
    const unclear = { verdict: 'unclear', error: { code: 'panel_unreachable' } }
    expect(await client.deleteUser('ada_one')).toMatchObject(unclear)
    expect(await client.deleteAdmin('ada')).toMatchObject(unclear)
    expect(panel.requests).toEqual([
      ...Array(3).fill('GET /api/admin'),
      'DELETE /api/user/ada_one',
      'DELETE /api/admin/ada',
    ])
  })

  test('a login that is reset is not tried again', async () => {
    let connections = 0
    const client = await facingTcp((socket) => {
      connections += 1
      socket.resetAndDestroy()
    })
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_unreachable' })
    expect(connections).toBe(1)
  })

  test('a request without an answer is panel_timeout, and is sent once', async () => {
    const { panel, client } = await facing(() => {}, { timeoutMs: 80 })
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_timeout' })
    const unclear = { verdict: 'unclear', error: { code: 'panel_timeout' } }
    expect(await client.deleteUser('ada_one')).toMatchObject(unclear)
    expect(panel.requests).toHaveLength(2)
  })

  test('a body that stops is panel_timeout', async () => {
    const { client } = await facing(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"username":')
      },
      { timeoutMs: 80 },
    )
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_timeout' })
  })

  test('a body that drips for ever is panel_timeout at twice the time, though no single pause is too long', async () => {
    const { client } = await facing(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 10)
        response.on('close', () => clearInterval(drip))
      },
      { timeoutMs: 80 },
    )
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_timeout' })
  })

  test('a login without an answer is panel_timeout', async () => {
    const client = await facingTcp(() => {}, { timeoutMs: 80 })
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_timeout' })
  })

  test('a closed client ends what is under way and takes no more', async () => {
    const { panel, client } = await facing(() => {})
    const pending = client.account()
    const failed = expect(pending).rejects.toMatchObject({ code: 'panel_unreachable' })
    await expect.poll(() => panel.requests.length).toBe(1)
    await Promise.all([client.close(), client.close()])
    await failed
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_unreachable',
      message: expect.stringContaining('stopping'),
    })
  })
})

describe('a panel that fails', () => {
  test.each([502, 503, 504])('%i is tried again and passes', async (status) => {
    let asked = 0
    const { panel, client } = await facing((_request, response) => {
      asked += 1
      if (asked < 3) html(response, status)
      else json(response, 200, adminJson)
    })
    expect((await client.account()).username).toBe('ada')
    expect(panel.requests).toHaveLength(3)
  })

  test('a 503 that stays is panel_failed: a read after three attempts, a deletion after one', async () => {
    const { panel, client } = await facing((_request, response) => html(response, 503))
    await expect(client.account()).rejects.toMatchObject({ code: 'panel_failed' })
    const unclear = { verdict: 'unclear', error: { code: 'panel_failed' } }
    expect(await client.deleteUser('a')).toMatchObject(unclear)
    expect(panel.requests).toEqual([...Array(3).fill('GET /api/admin'), 'DELETE /api/user/a'])
  })

  test('a GET that gets a 500, as during a deletion, is repeated at once on a fresh connection', async () => {
    let asked = 0
    const { panel, client } = await facing((_request, response) => {
      asked += 1
      if (asked < 3) stumble(response)
      else json(response, 200, { users: [], total: 0 })
    })
    expect((await client.users({ offset: 0, limit: 1 })).total).toBe(0)
    expect(new Set(panel.ports).size).toBe(3)
  })

  test('a 500 to a GET that may be sent only once is the answer', async () => {
    const { panel, client } = await facing((_request, response) => stumble(response))
    await expect(client.users({ offset: 0, limit: 1 }, { once: true })).rejects.toMatchObject({
      unusable: true,
    })
    expect(panel.requests).toHaveLength(1)
  })

  test.each([
    ['500', (response: ServerResponse) => stumble(response)],
    [
      'too much',
      (response: ServerResponse) => json(response, 200, { username: 'ada_one', note: 'x'.repeat(9_000) }),
    ],
    ['half a body', (response: ServerResponse) => json(response, 200, userJson, 20)],
  ])(
    '%s at each question about one user is blamed on that user, when other questions are answered',
    async (_, spoil) => {
      const { client } = await facing(
        ({ url }, response) => (url === '/api/admin' ? json(response, 200, adminJson) : spoil(response)),
        { maxAnswerBytes: 8_192 },
      )
      await expect(client.user('ada_one')).rejects.toMatchObject({ code: 'user_unreadable' })
    },
  )

  test('a 500 to every question is blamed on the panel', async () => {
    const { client } = await facing((_request, response) => stumble(response))
    await expect(client.user('ada_one')).rejects.toMatchObject({ code: 'panel_failed' })
  })

  test("a web page in a user's place is not blamed on the user", async () => {
    const { client } = await facing(({ url }, response) =>
      url === '/api/admin' ? json(response, 200, adminJson) : html(response, 200),
    )
    await expect(client.user('ada_one')).rejects.toMatchObject({ code: 'panel_bad_answer' })
  })

  test('a 500 that stays is panel_failed after three attempts', async () => {
    const { panel, client } = await facing((_request, response) => stumble(response))
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_failed',
      message: 'The panel failed at GET /api/admin (500).',
    })
    expect(panel.requests).toHaveLength(3)
  })

  test("a connection that the panel drops late after a deletion's 500 carries no other request", async () => {
    const dropped = new Set<number | undefined>()
    const { panel, client } = await facing((request, response) => {
      // As Marzban: the 500 leaves the connection open, and the next request on it finds it cut.
      if (dropped.has(request.socket.remotePort)) return void request.socket.resetAndDestroy()
      if (request.method === 'DELETE') {
        dropped.add(request.socket.remotePort)
        response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error')
      } else json(response, 404, { detail: 'User not found' })
    })
    await client.user('warms_up_the_pool')
    expect(await client.deleteUser('root_one')).toMatchObject({ verdict: 'unclear' })
    expect(await client.user('root_one', { freshConnection: true })).toBeNull()
    expect(await client.user('root_one')).toBeNull()
    // Four requests arrived, none was repeated; the first and the last shared the kept-alive connection.
    expect(panel.requests).toHaveLength(4)
    expect(new Set(panel.ports).size).toBe(3)
    expect(panel.ports[3]).toBe(panel.ports[0])
  })
})

describe('connections', () => {
  test('are bounded, kept alive, and given back also after an answer that is refused', async () => {
    let open = 0
    let most = 0
    const waiting: (() => void)[] = []
    const { panel, client } = await facing(
      (_request, response) => {
        open += 1
        most = Math.max(most, open)
        waiting.push(() => {
          open -= 1
          html(response, 404)
        })
        if (waiting.length === 2) for (const answer of waiting.splice(0)) answer()
      },
      { connections: 2 },
    )
    const calls = Array.from({ length: 20 }, () => client.user('ada_one').catch(() => null))
    await Promise.all(calls)
    expect(panel.requests).toHaveLength(20)
    expect(most).toBe(2)
    expect(new Set(panel.ports).size).toBe(2)
  })

  test('a fresh one is closed after its answer', async () => {
    const closed: Promise<unknown>[] = []
    const { client } = await facing((request, response) => {
      closed.push(once(request.socket, 'close'))
      json(response, 404, { detail: 'User not found' })
    })
    await client.user('ada_one', { freshConnection: true })
    await client.deleteUser('ada_one')
    await Promise.all(closed)
    expect(closed).toHaveLength(2)
  })
})

/** What Starlette answers to an exception nobody caught. */
function stumble(response: ServerResponse): void {
  response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error')
}
