import { holdsKey as holdsApiKey, isMeantAsKey as isMeantAsApiKey } from './key-text.ts'
import { sameSecretAs } from './secret.ts'

/** Finds keys in what clients send: API keys by their form, and the operator's key. */
export type KeyReader = {
  isOperatorKey(credential: string): boolean
  /** Whether a credential is meant as a key. It may be a wrong one. */
  isMeantAsKey(credential: string): boolean
  /** Whether a key stands anywhere in a text. */
  holdsKey(text: string): boolean
  /** Whether a key stands anywhere in a URL or a part of one, as it is or percent-encoded. */
  urlHoldsKey(url: string): boolean
}

/** @param operatorKey null: none is configured. */
export function createKeyReader(operatorKey: string | null): KeyReader {
  const isOperatorKey = operatorKey === null ? () => false : sameSecretAs(operatorKey)
  // Not in constant time: whoever finds the key so has sent all of it.
  const holdsKey = (text: string) => holdsApiKey(text) || (operatorKey !== null && text.includes(operatorKey))
  return {
    isOperatorKey,
    isMeantAsKey: (credential) => isMeantAsApiKey(credential) || isOperatorKey(credential),
    holdsKey,
    urlHoldsKey: (url) => holdsKey(decodeAscii(url)),
  }
}

/** Keys consist of ASCII. What else is encoded stays so. */
function decodeAscii(url: string): string {
  const decode = (_escape: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))
  return url.includes('%') ? url.replace(/%([0-7][0-9a-f])/gi, decode) : url
}
