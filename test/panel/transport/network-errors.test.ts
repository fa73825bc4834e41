import { errors } from 'undici'
import { describe, expect, test } from 'vitest'
import { networkError } from '../../../src/panel/transport/network-errors.ts'

const exchange = { host: 'panel.example:443', what: 'GET /api/users', limit: 'MARZBAN_TIMEOUT', begun: false }

const coded = (code: string) => Object.assign(new Error('says too much: hush'), { code })

describe('networkError', () => {
  test.each([
    ['no head of an answer', new errors.HeadersTimeoutError(), 'panel_timeout', 'GET /api/users'],
    ['a body that stops', new errors.BodyTimeoutError(), 'panel_timeout', 'GET /api/users'],
    ['the deadline', new DOMException('hush', 'TimeoutError'), 'panel_timeout', 'MARZBAN_TIMEOUT'],
    [
      'no connection in time',
      new errors.ConnectTimeoutError(),
      'panel_unreachable',
      'UND_ERR_CONNECT_TIMEOUT',
    ],
    ['a socket closed', new errors.SocketError('hush'), 'panel_unreachable', 'UND_ERR_SOCKET'],
    ['a foreign certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'panel_unreachable', 'MARZBAN_CA'],
    ['a private authority', coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'panel_unreachable', 'MARZBAN_CA'],
    ['a missing socket file', coded('ENOENT'), 'panel_unreachable', 'UVICORN_UDS'],
    ['endless decompression', coded('ERR_BUFFER_TOO_LARGE'), 'panel_bad_answer', 'too large'],
    ['an outdated certificate', coded('CERT_HAS_EXPIRED'), 'panel_unreachable', '(CERT_HAS_EXPIRED)'],
    [
      'a cause within a cause',
      new Error('hush', { cause: coded('ENOTFOUND') }),
      'panel_unreachable',
      'does not resolve',
    ],
    [
      'every address refused',
      Object.assign(new AggregateError([coded('hush')]), { code: 'ECONNREFUSED' }),
      'panel_unreachable',
      'Nothing listens',
    ],
    ['no HTTP', new errors.HTTPParserError('hush'), 'panel_bad_answer', 'is not HTTP'],
    ['endless headers', new errors.HeadersOverflowError(), 'panel_bad_answer', 'too large'],
    ['something unheard of', 'hush', 'panel_unreachable', 'no code'],
  ])('%s', (_name, error, code, said) => {
    const named = networkError(error, exchange)
    expect(named).toMatchObject({ code, message: expect.stringContaining(said) })
    expect(named.cause).toBeUndefined()
    expect(named.message).not.toContain('hush')
  })

  test.each([
    [
      { subjectaltname: 'DNS:a.example, DNS:*.b.example, IP Address:10.0.0.1' },
      'a.example, *.b.example, 10.0.0.1',
    ],
    [{ subject: { CN: 'old.example' } }, 'old.example'],
    [{}, 'has no name'],
    [{ subjectaltname: `DNS:${'x'.repeat(9_999)}` }, `${'x'.repeat(500)}...`],
  ])('only the log names the names of a certificate for another name: %j', (cert, said) => {
    const error = Object.assign(coded('ERR_TLS_CERT_ALTNAME_INVALID'), { cert })
    const named = networkError(error, exchange)
    expect(named.message).toContain('is for another name')
    expect(named.message).not.toContain(said)
    expect(named.forOperator).toContain(said)
    expect(named.forOperator?.length).toBeLessThan(700)
  })

  test('a connection that is cut after the answer began is a bad answer; one that stops is still a timeout', () => {
    const begun = { ...exchange, begun: true }
    expect(networkError(coded('ECONNRESET'), begun)).toMatchObject({
      code: 'panel_bad_answer',
      message: expect.stringContaining('broke off'),
    })
    expect(networkError(new errors.BodyTimeoutError(), begun)).toMatchObject({ code: 'panel_timeout' })
  })
})
