import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { ifSet } from './if-set.ts'

/** Where the service is, and the key to send. */
export type ServiceAddress = { ledger: string; key: string }

/**
 * Reads LEDGER, the http:// address of the service, and API_KEY from the environment and from .env. Without LEDGER, it is the
 * service of .env on this machine. See {@link ifSet}.
 */
export function readService(): ServiceAddress {
  if (existsSync('.env')) process.loadEnvFile()
  const { LEDGER, HOST, PORT, API_KEY } = process.env
  const here = `http://${hostToCall(ifSet(HOST) ?? '127.0.0.1')}:${ifSet(PORT) ?? 8080}`
  return { ledger: (ifSet(LEDGER) ?? here).replace(/\/$/, ''), key: ifSet(API_KEY) ?? '' }
}

/** The host to call, for a service that listens on `host` of this machine. */
function hostToCall(host: string): string {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return isIPv6(address) ? `[${address}]` : address
}
