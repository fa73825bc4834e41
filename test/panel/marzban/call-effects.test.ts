import { describe, expect, test } from 'vitest'
import { breakingFieldOf, disabledBy, effectOf } from '../../../src/panel/marzban/call-effects.ts'

const json = { 'content-type': 'application/json' }

function put(
  body: string | Buffer | null,
  headers: Record<string, string | string[]> = json,
  path = '/api/user/ann',
) {
  return effectOf({ method: 'PUT', path, headers, body: body === null ? null : Buffer.from(body) })
}

describe('a PUT of a user', () => {
  test.each([
    ['{"status":"disabled"}', 'disable'],
    [' {\n"status" :\t"disabled"\r} ', 'disable'],
    ['{"\\u0073tatus":"disabl\\u0065d"}', 'disable'],
    ['{"note":"paid, {\\"status\\":\\"active\\"}"}', 'annotate'],
    ['{"note":"\\\\"}', 'annotate'],
    ['{"note":null}', 'annotate'],
    ['{"note":"خوب"}', 'annotate'],
    ['{"status":"disabled","note":"late"}', 'disable'],
  ])('of %s can only %s', (body, effect) => {
    expect(put(body)).toBe(effect)
  })

  test.each([
    '{}',
    '',
    'null',
    '[]',
    '"disabled"',
    '{"status":"active"}',
    '{"status":"on_hold","on_hold_expire_duration":60}',
    '{"status":"DISABLED"}',
    '{"status":" disabled"}',
    '{"status":null}',
    '{"status":["disabled"]}',
    '{"status":{"disabled":1}}',
    '{"status":"disabled","data_limit":0}',
    '{"status":"disabled","expire":null}',
    '{"note":"x","next_plan":null}',
    '{"note":"x","proxies":{}}',
    '{"note":7}',
    '{"note":"x","Status":"active"}',
    '{"data_limit":1}',
    // Given twice.
    '{"status":"disabled","status":"disabled"}',
    '{"status":"active","status":"disabled"}',
    '{"status":"disabled","status":"active"}',
    '{"status":"disabled","\\u0073tatus":"active"}',
    '{"data_limit":1,"note":"x","data_limit":null}',
    '{"status":{"a":1},"status":"disabled"}',
    '{"__proto__":null,"status":"disabled"}',
    // Not JSON, or not for every reader.
    '{"status":"disabled"',
    '{"status":"disabled",}',
    "{'status':'disabled'}",
    '{"status":"disabled"}{"status":"active"}',
    '{"status":"disabled"} x',
    '\ufeff{"status":"disabled"}',
    '{"status":"disabled","x":NaN}',
    'status=disabled',
  ])('of %s is a change', (body) => {
    expect(put(body)).toBe('change')
  })

  test.each([
    ['no body', null],
    ['UTF-16', Buffer.from('{"status":"disabled"}', 'utf16le')],
    [
      'bytes that are no text',
      Buffer.concat([Buffer.from('{"note":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    ],
    ['a body of 20 KiB', `{"note":"${'x'.repeat(20 * 1024)}"}`],
  ])('with %s is a change', (_, body) => {
    expect(put(body)).toBe('change')
  })

  test.each<[Record<string, string | string[]>, string]>([
    [{ 'content-type': 'application/json; charset=utf-8' }, 'disable'],
    [{ 'content-type': 'Application/JSON;charset="UTF-8"' }, 'disable'],
    [{ 'content-type': 'application/json; charset=utf-16' }, 'change'],
    [{ 'content-type': 'application/json; charset=utf-8; x=1' }, 'change'],
    [{ 'content-type': 'application/merge-patch+json' }, 'change'],
    [{ 'content-type': 'text/plain' }, 'change'],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 'change'],
    [{ 'content-type': ['application/json', 'application/json'] }, 'change'],
    [{}, 'change'],
    [{ ...json, 'content-encoding': 'gzip' }, 'change'],
    [{ ...json, 'content-encoding': 'identity' }, 'change'],
  ])('with %j can only %s', (headers, effect) => {
    expect(put('{"status":"disabled"}', headers)).toBe(effect)
  })

  test.each([
    '/api/user/ann/',
    '/api/user/',
    '/api/user',
    '/API/user/ann',
    '/api/user/a/b',
    '/api/users/ann',
    '/x/api/user/ann',
  ])('at %s is a change', (path) => {
    expect(put('{"status":"disabled"}', json, path)).toBe('change')
  })
})

test.each([
  ['POST', '/api/admin/token', 'log in'],
  ['POST', '/api/admin/token/', 'change'],
  ['POST', '/api/Admin/token', 'change'],
  ['PUT', '/api/admin/token', 'change'],
  ['GET', '/api/user/ann/reset', 'read'],
  ['HEAD', '/anything', 'read'],
  ['OPTIONS', '/api/user', 'read'],
  ['DELETE', '/api/user/ann', 'delete'],
  ['POST', '/api/user', 'change'],
  ['PATCH', '/api/user/ann', 'change'],
  ['POST', '/sub/token', 'change'],
  ['get', '/api/user', 'change'],
  ['PROPFIND', '/api/user', 'change'],
])('%s %s can only %s', (method, path, effect) => {
  expect(effectOf({ method, path, headers: json, body: null })).toBe(effect)
})

describe('a call that would leave a user that the panel can never list again', () => {
  const breaking = (method: string, path: string, body: unknown) =>
    breakingFieldOf({ method, path, headers: {}, body: Buffer.from(JSON.stringify(body)) })

  test.each([
    ['POST', '/api/user', { username: 'anna', expire: 253_402_300_800 }, 'expire'],
    // At 23:59:59 UTC it is the year 10000 in Tehran already.
    ['POST', '/api/user', { username: 'anna', expire: 253_402_300_799 }, 'expire'],
    // The user expires so long after its first connection.
    ['PUT', '/api/user/anna', { on_hold_expire_duration: 253_402_214_399 }, 'on_hold_expire_duration'],
    ['PUT', '/api/user/anna', { expire: '100000000000000' }, 'expire'],
    ['PUT', '/api/user/anna', { on_hold_expire_duration: 1e14 }, 'on_hold_expire_duration'],
    ['PUT', '/api/user/anna', { next_plan: { expire: 1e300 } }, 'next_plan.expire'],
  ])('%s %s %j is recognised by its field', (method, path, body, field) => {
    expect(breaking(method, path, body)).toEqual({ field, detail: expect.stringContaining('year 9999') })
  })

  // Python strips the last of these blanks, JavaScript does not.
  test.each([-1, -(10 ** 15), '-7', ' -٧', '\u0085-7'])(
    'a plan with a quota of %j, which may go below zero, is recognised',
    (quota) => {
      const next_plan = { data_limit: quota, add_remaining_traffic: true }
      expect(breaking('PUT', '/api/user/anna', { next_plan })).toMatchObject({
        field: 'next_plan.data_limit',
      })
    },
  )

  test.each([1_001, 20_000])('a name of %i characters, which no path can carry, is recognised', (length) => {
    const username = `abc.${'x'.repeat(length - 4)}`
    expect(breaking('POST', '/api/user', { username })).toMatchObject({ field: 'username' })
    expect(breaking('PUT', '/api/user/anna', { username })).toBeNull()
  })

  test.each([
    '100_000_000_000_000',
    ' 100000000000000 ',
    '+100000000000000',
    '100000000000000.0',
    '１００００００００００００００',
    '١٠٠٠٠٠٠٠٠٠٠٠٠٠٠',
    '1e14',
  ])('with the text %j is recognised, as the panel can read it', (expire) => {
    expect(breaking('PUT', '/api/user/anna', { expire })).toMatchObject({ field: 'expire' })
  })

  test('with a text that is no number is refused in words that fit', () => {
    const refused = breaking('PUT', '/api/user/anna', { expire: '2025-01-01' })
    expect(refused?.detail).toBe(
      'expire must be a number of seconds, not a text that the panel reads in its own way; 0 means never.',
    )
    expect(breaking('PUT', '/api/user/anna', { expire: '100000000000000' })?.detail).toContain('year 9999')
  })

  const json14 = '{"username":"anna","expire":100000000000000}'
  test.each([
    ['NaN beside it', Buffer.from('{"expire":100000000000000,"a":NaN}')],
    ['Infinity beside it', Buffer.from('{"a":-Infinity,"expire":100000000000000}')],
    ['UTF-16', Buffer.from(json14, 'utf16le')],
    ['UTF-16 with a byte order mark', Buffer.from(`\ufeff${json14}`, 'utf16le')],
    ['a byte order mark', Buffer.from(`\ufeff${json14}`)],
    [
      'a byte that is not UTF-8',
      Buffer.concat([Buffer.from('{"note":"'), Buffer.of(0xff), Buffer.from('"}')]),
    ],
  ])('can stand in a body with %s, which is none that the service reads', (_what, body) => {
    expect(breakingFieldOf({ method: 'POST', path: '/api/user', headers: {}, body })).toEqual({
      field: 'body',
      detail: expect.stringContaining('UTF-8'),
    })
  })

  test.each([
    ['POST', '/api/user', { username: 'anna', expire: 253_402_214_399 }],
    ['POST', '/api/user', { username: 'anna', on_hold_expire_duration: 100 * 366 * 86_400 }],
    ['POST', '/api/user', { username: `abc.${'x'.repeat(996)}` }],
    ['PUT', '/api/user/anna', { expire: 0 }],
    ['PUT', '/api/user/anna', { expire: null, next_plan: null }],
    ['PUT', '/api/user/anna', { next_plan: { data_limit: 0 } }],
    ['PUT', '/api/user/anna', { next_plan: { data_limit: null } }],
    ['PUT', '/api/user/anna', { next_plan: { data_limit: 'a-b' } }],
    ['PUT', '/api/user/anna', { expire: -1 }],
    ['PUT', '/api/user/anna', { expire: ' 1700000000' }],
    ['PUT', '/api/user/anna', { expire: 'never' }],
    ['PUT', '/api/user/anna', { expire: '' }],
    ['PUT', '/api/user/anna', ['expire', 1e14]],
    ['PUT', '/api/admin/anna', { expire: 1e14 }],
  ])('%s %s %j is none', (method, path, body) => {
    expect(breaking(method, path, body)).toBeNull()
  })
})

test.each([
  ['{"status":"disabled"}', 'ann'],
  ['{"status":"\\u0064isabled"}', 'ann'],
  ['{"st\\u0061tus":"disabled","note":"x"}', 'ann'],
  ['{"status":"active","note":"disabled"}', null],
  ['["disabled"]', null],
])('PUT of %s disables %s', (body, user) => {
  const call = { method: 'PUT', path: '/api/user/ann', headers: json, body: Buffer.from(body) }
  expect(disabledBy(call)).toEqual(user === null ? null : { user })
})

test.each([
  ['POST', '/api/admin/ada/users/disable', { usersOf: 'ada' }],
  ['GET', '/api/admin/ada/users/disable', null],
  ['POST', '/api/admin/ada/users/activate', null],
  ['POST', '/api/admin/ada/users/disable/', null],
])('%s %s disables %j', (method, path, disabled) => {
  expect(disabledBy({ method, path, headers: {}, body: null })).toEqual(disabled)
})
