import { describe, expect, test } from 'vitest'
import { marzbanRoutes } from '../../stand-in/marzban-routes.ts'
import { routes } from '../../stand-in/routes.ts'
import { send, sendBytes } from './raw.ts'
import { heldDetail as detail, json, plan, useHeldFront } from './use-held-front.ts'

const { front, arrived } = useHeldFront()

const callers = {
  'the held admin': 'ada',
  'another admin': 'bob',
  'a sudo admin': 'root',
  nobody: null,
} as const
type Who = keyof typeof callers

function headersOf(who: Who): Record<string, string> {
  const name = callers[who]
  return name === null ? {} : front.service.as(name)
}

/** Every method for every path of the panel, also those that the panel does not know there. */
const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']
const table = Object.keys(marzbanRoutes).flatMap((path) => methods.map((method) => [method, path] as const))

const sent = '{"data_limit":1000,"username":"new_user","proxies":{"shadowsocks":{}}}'
const free = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

test('the table has every route of the stand-in', () => {
  for (const { method, pattern } of routes) {
    const paths = Object.keys(marzbanRoutes).filter((path) => pattern.test(path))
    expect(paths.flatMap((path) => marzbanRoutes[path])).toContain(method)
  }
})

describe.each(Object.keys(callers) as Who[])('%s', (who) => {
  test.each(table)('%s %s', async (method, path) => {
    const own = callers[who] === 'bob' ? 'bob' : 'ada'
    const target = path
      .replace('{user}', `${own}_disabled`)
      .replace('{admin}', 'bob')
      .replace('{id}', '1')
      .replace('{token}', front.service.panel.state.mustFind(`${own}_active`).token)
    const mayAsk = free.has(method) || (method === 'POST' && path === '/api/admin/token')
    const body = method === 'GET' || method === 'HEAD' ? '' : sent
    const answer = await send(front.address, method, target, {
      headers: { ...headersOf(who), ...json, 'content-length': String(body.length) },
      body,
    })
    if (who === 'the held admin' && !mayAsk) {
      expect(answer).toMatchObject({
        status: 403,
        headers: { 'content-type': expect.stringContaining('application/json') },
      })
      expect(JSON.parse(answer.body)).toEqual({ detail })
      expect(arrived()).toEqual([])
    } else {
      expect(answer.body).not.toContain('Traffic limit')
      expect(front.service.panel.requests).not.toEqual([])
    }
    // Who may delete an admin did so.
    if (!front.service.panel.state.admins.has('bob')) await bringBack('bob')
  })
})

async function bringBack(name: string): Promise<void> {
  front.service.panel.state.createAdmin(name)
  front.service.forgetTokens()
  await front.service.poll()
}

describe('PUT of a user by the held admin', () => {
  const put = (name: string, body: object | string, headers: Record<string, string> = json) =>
    send(front.address, 'PUT', `/api/user/${name}`, {
      headers: { ...headersOf('the held admin'), ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test.each([
    [{ status: 'disabled' }, { status: 'disabled' }],
    [{ note: 'paid' }, { note: 'paid', status: 'active' }],
    [
      { status: 'disabled', note: 'paid' },
      { note: 'paid', status: 'disabled' },
    ],
  ])('%j is done', async (body, result) => {
    expect((await put('ada_active', body)).status).toBe(200)
    expect(front.service.panel.state.mustFind('ada_active')).toMatchObject(result)
  })

  test.each([
    ['ada_disabled', { status: 'active' }],
    ['ada_disabled', { status: 'on_hold', on_hold_expire_duration: 60 }],
    ['ada_limited', { data_limit: 1_000_000 }],
    ['ada_limited', { data_limit: 0 }],
    ['ada_expired', { expire: 0 }],
    ['ada_active', { next_plan: plan }],
    ['ada_active', { status: 'disabled', next_plan: plan }],
    ['ada_active', {}],
    ['ada_disabled', '{"status":"disabled","status":"active"}'],
    ['ada_disabled', '{"status":"active"'],
  ])('%s: %j is refused, and nothing reaches the panel', async (name, body) => {
    const answer = await put(name, body)
    expect([answer.status, JSON.parse(answer.body)]).toEqual([403, { detail }])
    expect(arrived()).toEqual([])
  })

  test.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    [{ 'content-type': 'application/x-www-form-urlencoded' }],
    [{}],
  ])('sent with %j is refused: somebody could read it otherwise', async (headers: object) => {
    const answer = await put('ada_active', { status: 'disabled' }, headers as Record<string, string>)
    expect(answer.status).toBe(403)
    expect(arrived()).toEqual([])
  })

  test('in chunks is read whole', async () => {
    const chunked = (body: string) =>
      `PUT /api/user/ada_active HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `authorization: ${front.service.as('ada').authorization}\r\ntransfer-encoding: chunked\r\n\r\n` +
      `${[...body].map((letter) => `1\r\n${letter}\r\n`).join('')}0\r\n\r\n`
    expect(await sendBytes(front.address, chunked('{"status":"disabled"}'))).toContain('HTTP/1.1 200')
    expect(await sendBytes(front.address, chunked('{"status":"active"}'))).toContain('HTTP/1.1 403')
    expect(front.service.panel.state.mustFind('ada_active').status).toBe('disabled')
  })
})
