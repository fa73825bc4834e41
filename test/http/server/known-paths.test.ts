import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOperations } from '../operations.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

let service: TestService
let port: number
beforeAll(async () => {
  service = await startTestService({ admins: [{ username: 'ana' }] })
  await service.poll()
  port = Number(new URL(await service.app.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(() => service.close())

const send = (method: string, url: string) =>
  service.app.inject({ method: method as 'GET', url, headers: withKey })

/** The whole answer to the bytes of a target, which no client has tidied up. */
async function sendRaw(target: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(`GET ${target} HTTP/1.1\r\nhost: ledger.test\r\nconnection: close\r\n\r\n`)
  return text(socket)
}

describe('a method that a known path does not have', () => {
  test.each([
    ['DELETE', '/sync', 'GET, HEAD, POST'],
    ['PUT', '/sync?x=1', 'GET, HEAD, POST'],
    ['PATCH', '/admins/1/limit', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/admins/1/grants/5', 'DELETE'],
    ['GET', '/users/al%2Fice', 'DELETE'],
    ['POST', '/admins', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['GET', '/webhooks/marzban', 'POST'],
    ['OPTIONS', '/admins/me/stats', 'GET, HEAD'],
    ['DELETE', '/docs', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
  ])('%s %s is 405, and Allow has %s', async (method, url, allow) => {
    const answer = await send(method, url)
    expect(answer.statusCode).toBe(405)
    expect(answer.headers).toMatchObject({ allow, 'cache-control': 'no-store' })
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toEqual({
      type: 'about:blank',
      title: 'Method Not Allowed',
      status: 405,
      code: 'method_not_allowed',
      detail: `There is no ${method} ${url.split('?')[0]} here, only ${allow}; see /docs.`,
    })
  })

  test('every path of the document answers every other method with 405 and its own methods', async () => {
    const operations = await readOperations(service.app)
    const paths = Map.groupBy(operations, ({ path }) => path)
    expect(paths.size).toBeGreaterThan(15)
    for (const [path, there] of paths) {
      const own = there.map(({ method }) => String(method))
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        if (own.includes(method)) continue
        const answer = await send(method, path.replaceAll(/\{\w+\}/g, '1'))
        expect([method, path, answer.statusCode]).toEqual([method, path, 405])
        const allowed = String(answer.headers.allow).split(', ')
        expect(allowed.filter((one) => one !== 'HEAD').sort()).toEqual(own.sort())
      }
    }
  })

  test.each(['/nowhere', '/admins/1/nothing', '/admins/1/grants/5/6', '/docs/nothing'])(
    'an unknown path is 404: %s',
    async (url) => {
      const answer = await send('GET', url)
      expect(answer.statusCode).toBe(404)
      expect(answer.headers).not.toHaveProperty('allow')
    },
  )
})

describe('a slash too many', () => {
  test.each([
    ['GET', '/admins/', '/admins'],
    ['GET', '/admins/?username=ana&sort=-id', '/admins?username=ana&sort=-id'],
    ['GET', '/admins/?a=b?c', '/admins?a=b?c'],
    ['DELETE', '/admins/', '/admins'],
    ['GET', '/admins/1/', '/admins/1'],
    ['GET', '/admins/1/stats/?max_age=5', '/admins/1/stats?max_age=5'],
    ['GET', '/admins/1/grants/', '/admins/1/grants'],
    ['DELETE', '/users/al%2Fice/', '/users/al%2Fice'],
    ['POST', '/deletions/', '/deletions'],
    ['PATCH', '/sync/', '/sync'],
    ['GET', '/healthz/', '/healthz'],
    ['POST', '/webhooks/marzban/', '/webhooks/marzban'],
  ])('%s %s goes to %s, with its method', async (method, url, location) => {
    const answer = await service.app.inject({ method: method as 'GET', url })
    expect(answer.statusCode).toBe(307)
    expect(answer.headers.location).toBe(location)
    expect(answer.json().detail).toContain(location.split('?')[0])
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
  })

  test('the answer to a list with a slash says how one item is read', async () => {
    expect((await send('GET', '/admins/')).json().detail).toBe(
      'The path is /admins, without a slash at its end. A path of one of its items ends with an id or a name.',
    )
  })

  test.each([
    ['//evil.test/', 400],
    ['//evil.test', 400],
    ['//evil.test/admins/', 400],
    ['//admins/', 400],
    ['/admins//', 400],
    ['//', 400],
    ['/\\evil.test/', 400],
    ['/%2fevil.test/', 400],
    ['/%2f/evil.test/', 400],
    ['http://evil.test/admins/', 401],
    ['/nowhere/', 404],
  ])('GET %s leads nowhere else: %s', async (target, status) => {
    const answer = await sendRaw(target)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).not.toMatch(/^location:/im)
  })

  test('what the front forwards keeps its slash: the panel answers it', async () => {
    service.takeAsked()
    await send('GET', '/api/users/')
    await service.app.inject({ url: '/api/users/', headers: service.as('ana') })
    expect(service.takeAsked()).toContain('GET /api/users/')
  })
})

test('GET / leads to the documentation', async () => {
  const answer = await service.app.inject('/')
  expect([answer.statusCode, answer.headers.location]).toEqual([302, '/docs'])
})
