import { expect, test } from 'vitest'
import { parsePanelAddress, redirectedAddress } from '../../../src/panel/transport/address.ts'

test.each([
  ['https://panel.example', 'https://panel.example', null, '', 'panel.example:443'],
  ['http://panel.example:8000/a/b/', 'http://panel.example:8000', null, '/a/b', 'panel.example:8000'],
  ['unix:/run/m.sock', 'http://localhost', '/run/m.sock', '', 'unix:/run/m.sock'],
  ['unix:///run/m.sock:/base/', 'http://localhost', '/run/m.sock', '/base', 'unix:/run/m.sock'],
  [
    'unix:/run/a:b/m sock:/sch%C3%B6n ',
    'http://localhost',
    '/run/a:b/m sock',
    '/sch%C3%B6n',
    'unix:/run/a:b/m sock',
  ],
])('%s is read', (url, origin, socketPath, basePath, host) => {
  expect(parsePanelAddress(url)).toEqual({ origin, socketPath, basePath, host })
})

test.each(['', 'unix:', 'unix:m.sock', 'unix:/run/m.sock?x', 'ftp://panel.example'])(
  '%j is refused',
  (url) => {
    expect(() => parsePanelAddress(url)).toThrow('MARZBAN_URL must look like')
  },
)

test('a redirect of a panel behind a socket file stays behind it, or names the other address', () => {
  const address = parsePanelAddress('unix:/run/m.sock')
  const to = (location: string) => redirectedAddress(address, '/api/admin', location)
  expect(to('/base/api/admin')).toBe('unix:/run/m.sock:/base')
  expect(to('http://localhost/api/admin')).toBe('unix:/run/m.sock')
  expect(to('https://panel.example/api/admin')).toBe('https://panel.example')
})
