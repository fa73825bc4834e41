import { randomBytes } from 'node:crypto'

/** What every API key begins with. No token of a panel does, so a key is never mistaken for one and shown to the panel. */
const prefix = 'mzl_'
const wholeKey = /mzl_([1-9]\d{0,18})_([\w-]{43})/
const onlyKey = new RegExp(`^${wholeKey.source}$`)

/** A new secret of 256 random bits. */
export function createSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** The text of a key: what its holder sends. */
export function keyTextOf(id: bigint, secret: string): string {
  return `${prefix}${id}_${secret}`
}

/** The parts of a key; null: the text cannot be one. */
export function readKeyText(text: string): { id: bigint; secret: string } | null {
  const [, id, secret] = onlyKey.exec(text) ?? []
  if (id === undefined || secret === undefined || BigInt(id) >= 2n ** 63n) return null
  return { id: BigInt(id), secret }
}

/** Whether a credential is meant as a key. It may be a wrong one. */
export function isMeantAsKey(credential: string): boolean {
  return credential.startsWith(prefix)
}

/** Whether a key stands anywhere in a text. */
export function holdsKey(text: string): boolean {
  return text.includes(prefix) && wholeKey.test(text)
}
