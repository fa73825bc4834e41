import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readTrustedCertificates } from '../../../src/panel/transport/trusted-certificates.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { connected } from '../facing.ts'
import { adminJson, grantToken, json } from '../fake-panel.ts'

const pair = makeCertificate('localhost')
const other = makeCertificate('localhost')
const der = new X509Certificate(pair.cert).raw

let place = ''
let server: Server | null = null
beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'ledger-ca-'))
})
afterAll(() => rm(place, { recursive: true }))
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = null
})

/** A panel with the certificate `pair`, whose address is returned. */
async function startTlsPanel(): Promise<string> {
  const logIn = grantToken()
  server = createServer(pair, (request, response) => {
    if (request.method === 'POST') logIn(request, response)
    else json(response, 200, adminJson)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

async function fileWith(content: string | Buffer): Promise<string> {
  const file = path.join(place, 'ca.pem')
  await writeFile(file, content)
  return file
}

test.each([
  ['its certificate', pair.cert],
  [
    'its certificate behind another, with words between and Windows line ends',
    `${other.cert}\n# panel\n${pair.cert}`.replaceAll('\n', '\r\n'),
  ],
  ['its certificate as DER', der],
])('the panel is trusted by a file with %s', async (_name, content) => {
  const trusted = await readTrustedCertificates(await fileWith(content))
  const client = connected(await startTlsPanel(), { trusted })
  expect(await client.account()).toMatchObject({ username: 'ada' })
})

test('without its certificate it is not trusted, and the message names the remedy', async () => {
  const url = await startTlsPanel()
  const trusted = await readTrustedCertificates(await fileWith(other.cert))
  for (const options of [{}, { trusted }]) {
    await expect(connected(url, options).account()).rejects.toMatchObject({
      code: 'panel_unreachable',
      message: expect.stringContaining('set MARZBAN_CA to a file'),
    })
  }
})

test.each([
  ['nothing', '', 'holds no certificate'],
  ['a key', pair.key, 'holds no certificate'],
  ['words', 'certificate', 'holds no certificate'],
  ['half of a certificate', pair.cert.slice(0, 200), 'holds no certificate'],
  ['a damaged second certificate', pair.cert + other.cert.replace(/^M.{60}/m, ''), 'number 2 is damaged'],
])('a file with %s is refused in one sentence', async (_name, content, said) => {
  const refused = expect(readTrustedCertificates(await fileWith(content))).rejects
  await refused.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/^MARZBAN_CA [^\n]*\.$/),
  })
  await refused.toMatchObject({ message: expect.stringContaining(said) })
})

test('so is a file that is missing, and a directory', async () => {
  await expect(readTrustedCertificates(path.join(place, 'none'))).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('there is no such file'),
  })
  await expect(readTrustedCertificates(place)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('it is a directory'),
  })
})
