import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { facing } from '../facing.ts'
import { type Answer, adminJson } from '../fake-panel.ts'

const plain = Buffer.from(JSON.stringify(adminJson))

function compressed(encoding: string, body: Buffer): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body)
  }
}

describe('a compressed answer', () => {
  test.each([
    ['gzip', gzipSync(plain)],
    ['GZip', gzipSync(plain)],
    ['x-gzip', gzipSync(plain)],
    ['deflate', deflateSync(plain)],
    ['deflate', deflateRawSync(plain)],
    ['br', brotliCompressSync(plain)],
    ['zstd', zstdCompressSync(plain)],
    ['identity', plain],
    ['gzip, br', brotliCompressSync(gzipSync(plain))],
  ])('is read: %s', async (encoding, body) => {
    const { client } = await facing(compressed(encoding, body))
    expect(await client.account()).toMatchObject({ username: adminJson.username, usersUsage: 1540n })
  })

  test('may be as large as any other once it is decompressed, and no larger', async () => {
    const bomb = gzipSync(Buffer.concat([plain, Buffer.alloc(2 * 1024 * 1024, ' ')]))
    const { client } = await facing(compressed('gzip', bomb), { maxAnswerBytes: 1024 * 1024 })
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('too large'),
      unusable: true,
    })
    const { client: patient } = await facing(compressed('gzip', bomb))
    expect(await patient.account()).toMatchObject({ username: adminJson.username })
  })

  test.each([
    ['gzip', plain],
    ['gzip', gzipSync(plain).subarray(0, 40)],
    ['br', gzipSync(plain)],
    ['deflate', plain],
    ['compress', plain],
    ['gzip, gzip, gzip, gzip', gzipSync(plain)],
  ])('that is not what it says proves nothing: %s', async (encoding, body) => {
    const { client } = await facing(compressed(encoding, body))
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('cannot be decompressed'),
    })
  })

  test('without a body is read as one without a body', async () => {
    const { client } = await facing(compressed('gzip', Buffer.alloc(0)))
    await expect(client.account()).rejects.toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('is not one of Marzban'),
    })
  })

  test('is what the client asks for', async () => {
    const asked: unknown[] = []
    const { client } = await facing((request, response) => {
      asked.push(request.headers['accept-encoding'])
      response.writeHead(200, { 'content-type': 'application/json' }).end(plain)
    })
    await client.account()
    expect(asked).toEqual(['gzip, deflate, br'])
  })
})
