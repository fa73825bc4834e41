import { parseExactJson } from '../src/panel/transport/exact-json.ts'
import { toExactJson } from '../src/store/connection/exact-json.ts'
import type { ServiceAddress } from './service-address.ts'

/** What was asked for is wrong, or the service refuses it. Its message is for who sits at the terminal. */
export class Refusal extends Error {}
/** The service gives no answer. */
export class Unreachable extends Error {}

export type Account = { id: number; username: string; state: string }
/** A number of the API: exact, whatever its size. */
export type Whole = number | bigint
/** The parts of a limit that are shown, with the names of the API. Traffic is in bytes. */
export type Limit = {
  version: Whole
  traffic_limit: Whole | null
  count_from: string
  period: { unit: 'day' | 'week' | 'month'; anchor_day: Whole | null; timezone: string } | null
  carry_over: string
  valid_until: string | null
  warn_at: number[]
  on_exceed: string
  status: {
    state: string
    used: Whole
    allowance: Whole | null
    used_percent: Whole | null
    pending: boolean
    period: { starts_at: string; ends_at: string | null }
    hold: Hold | null
  }
}

/** How far a hold has come. `operator`: the operator's wish, which the hold itself has and a limit has not. */
export type Hold = {
  reasons: string[]
  total: Whole
  done: Whole
  failed: Whole
  operator?: { reason: string; by: string } | null
}

export type LedgerCalls = {
  /** The open account of an admin, by its name or its id. A name comes first: an admin may be called by a number. */
  findAccount(admin: string): Promise<Account>
  /** Null: the account has no limit. */
  readLimit(account: Account): Promise<Limit | null>
  /** Null: the admin is not held. */
  readHold(account: Account): Promise<Hold | null>
  /**
   * Calls `/admins/{id}` + `tail`.
   *
   * @param version only if the limit has this version; null or left out: whatever it has.
   * @returns the body of the answer.
   */
  call(
    method: string,
    account: Account,
    tail: string,
    body?: object,
    version?: string | null,
  ): Promise<unknown>
}

/** The calls of the service that the terminal helper makes. All throw {@link Refusal} and {@link Unreachable}. */
export function createLedgerCalls({ ledger, key }: ServiceAddress): LedgerCalls {
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: object) => {
    const answer = await fetch(`${ledger}${path}`, {
      method,
      headers: { 'x-api-key': key, ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: toExactJson(body) }),
      signal: AbortSignal.timeout(30_000),
    }).catch(() => {
      throw new Unreachable(`${ledger} does not answer. Check LEDGER, the address of the service.`)
    })
    const text = await answer.text()
    if (answer.status >= 500) throw new Unreachable(`${ledger}: ${detailOf(text, answer.status)}`)
    return { status: answer.status, text }
  }
  const good = ({ status, text }: { status: number; text: string }): unknown => {
    if (status === 401) throw new Refusal(`${detailOf(text, status)} Check API_KEY.`)
    if (status >= 400) throw new Refusal(detailOf(text, status))
    return text === '' ? null : parseJson(ledger, text)
  }

  const goodOrNull = async (path: string): Promise<unknown> => {
    const answer = await ask('GET', path)
    return answer.status === 404 ? null : good(answer)
  }

  return {
    async findAccount(admin) {
      const list = good(await ask('GET', `/admins?username=${encodeURIComponent(admin)}&limit=200`))
      const { items } = list as { items: Account[] }
      const open = items.find(({ state }) => state !== 'closed')
      if (open) return open
      if (!/^[1-9]\d{0,15}$/.test(admin)) throw new Refusal(`There is no open account of an admin ${admin}.`)
      return good(await ask('GET', `/admins/${admin}`)) as Account
    },
    readLimit: async ({ id }) => (await goodOrNull(`/admins/${id}/limit`)) as Limit | null,
    readHold: async ({ id }) => (await goodOrNull(`/admins/${id}/hold`)) as Hold | null,
    async call(method, { id }, tail, body, version = null) {
      const headers: Record<string, string> = version === null ? {} : { 'if-match': version }
      return good(await ask(method, `/admins/${id}${tail}`, headers, body))
    },
  }
}

function parseJson(ledger: string, text: string): unknown {
  try {
    return parseExactJson(text)
  } catch {
    throw new Unreachable(`${ledger} is not this service: its answer is not JSON. Check LEDGER.`)
  }
}

function detailOf(text: string, status: number): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    if (typeof detail === 'string') return detail
  } catch {
    // Something else answered in the place of the service.
  }
  return `The answer is ${status}.`
}
