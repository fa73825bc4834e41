/**
 * Bytes that look like a request to `target` and are none, or that two servers could take for different ones.
 *
 * @param more lines of the head, each with its end.
 */
export function brokenRequests(target: string, more = ''): [name: string, bytes: string][] {
  const post = (lines: string, body: string) =>
    `POST ${target} HTTP/1.1\r\nhost: x\r\n${more}${lines}\r\n\r\n${body}`
  const chunked = 'transfer-encoding: chunked'
  return [
    ['both lengths', post(`content-length: 4\r\n${chunked}`, '0\r\n\r\n')],
    ['both lengths the other way round', post(`${chunked}\r\ncontent-length: 4`, '0\r\n\r\n')],
    ['two lengths', post('content-length: 4\r\ncontent-length: 5', 'abcde')],
    ['a list of lengths', post('content-length: 4, 5', 'abcde')],
    ['a bad chunk size', post(chunked, 'zz\r\nabc\r\n0\r\n\r\n')],
    ['a negative chunk size', post(chunked, '-3\r\nabc\r\n0\r\n\r\n')],
    ['a chunk size that overflows', post(chunked, 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n')],
    ['a chunk longer than its size', post(chunked, '2\r\nabc\r\n0\r\n\r\n')],
    ['a chunk extension cut short', post(chunked, '3;\n\rabc')],
    ['an unknown coding', post('transfer-encoding: xchunked', '0\r\n\r\n')],
    ['a coding twice', post(`${chunked}, identity`, '0\r\n\r\n')],
    ['a negative length', post('content-length: -1', '')],
    ['a space before the colon', post('content-length : 4', 'abcd')],
    ['a folded header', post('x-a: 1\r\n content-length: 4', '')],
    ['headers too large', post(`x-a: ${'a'.repeat(20_000)}`, '')],
    ['a zero byte in a header', post('x-a: a\0b', '')],
    ['bare line feeds', `POST ${target} HTTP/1.1\nhost: x\n\n`],
    ['an unknown version', `POST ${target} HTTP/9.9\r\nhost: x\r\n\r\n`],
    ['no HTTP', 'nothing of the kind\r\n\r\n'],
  ]
}
