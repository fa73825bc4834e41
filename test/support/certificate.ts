import { generateKeyPairSync, sign } from 'node:crypto'

/** A self-signed certificate for one host name, made anew; both parts as PEM. */
export function makeCertificate(hostname: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))
  const commonName = der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(hostname)))
  const name = der(0x30, der(0x31, commonName))
  const subjectAltName = der(0x04, der(0x30, der(0x82, Buffer.from(hostname))))
  const extension = der(0x30, Buffer.from('0603551d11', 'hex'), subjectAltName)
  const unsigned = der(
    0x30,
    der(0xa0, integer(2)),
    integer(1),
    ecdsaWithSha256,
    name,
    der(0x30, time('200101000000Z'), time('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension)),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', unsigned, privateKey))
  const certificate = der(0x30, unsigned, ecdsaWithSha256, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  }
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.of(value))
}

function time(text: string): Buffer {
  return der(0x17, Buffer.from(text))
}

/** A value of ASN.1 in its distinguished encoding. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}
