import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { LedgerError } from '../../errors.ts'

/** What the panel's certificate is checked against. */
export type TrustedCertificates = SecureContext

/**
 * Reads MARZBAN_CA: the certificates in `file`, besides those that this machine trusts. One of them may be the panel's own,
 * or that of any authority on the way to it.
 *
 * @throws `config_invalid` when the file is missing, cannot be read, or holds no certificate.
 */
export async function readTrustedCertificates(file: string): Promise<TrustedCertificates> {
  const content = await readFile(file).catch((error: unknown) => {
    throw wrong(reasons.get(codeOf(error)) ?? `it cannot be read (${codeOf(error)})`)
  })
  return createSecureContext({
    ca: [...getCACertificates('default'), ...certificatesIn(content)],
    allowPartialTrustChain: true,
  })
}

const reasons = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'the account of this service may not read it'],
  ['EISDIR', 'it is a directory'],
])

const pemBlock = /-----BEGIN (?<label>(?:TRUSTED |X509 )?CERTIFICATE)-----[^-]*-----END \k<label>-----/g

/** Each as PEM: TLS takes nothing else. */
function certificatesIn(content: Buffer): string[] {
  const blocks = content.toString('latin1').match(pemBlock)
  const parts = blocks ?? [content]
  return parts.map((part, index) => {
    try {
      return new X509Certificate(part).toString()
    } catch {
      throw wrong(blocks ? `its certificate number ${index + 1} is damaged` : 'it holds no certificate')
    }
  })
}

function wrong(reason: string): LedgerError {
  return new LedgerError(
    'config_invalid',
    `MARZBAN_CA must be a file with certificates, as PEM or DER, but ${reason}.`,
    { field: 'MARZBAN_CA' },
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code'
}
