import { gigabytes } from './view.ts'

/** How much traffic the reseller gets at first, and with each grant, in bytes. */
const allowance = 1_000_000_000
/** Looks for which its users stay disabled. */
const looksHeld = 3

/** Makes a call with the operator's key, and returns the answer's JSON. */
export type Call = (method: string, target: string, body?: object) => Promise<unknown>

type Hold = { reasons: string[]; total: number; done: number }
type LimitNow = { state: string; used: number; allowance: number; hold: Hold | null }

/** A reseller that uses its limit again and again. */
export type LimitStory = {
  /** Goes on, and says what has happened since the last time. */
  next(): Promise<string[]>
}

/** The operator limits the reseller `name`, and tops it up when its users have been disabled for a while. */
export function createLimitStory(call: Call, accountId: number, name: string): LimitStory {
  const url = `/admins/${accountId}`
  let isLimited = false
  let before = 'ok'
  let held = 0
  let isReleasing = false

  const begin = async (): Promise<string[]> => {
    isLimited = true
    await call('PUT', `${url}/limit`, {
      traffic_limit: allowance,
      period: null,
      warn_at: [80],
      on_exceed: 'disable_users',
    })
    return [`The operator limits ${name} to ${gigabytes(BigInt(allowance))}.`]
  }

  const grant = async (): Promise<string> => {
    held = 0
    isReleasing = true
    await call('POST', `${url}/grants`, { bytes: allowance })
    return `The operator grants ${name} ${gigabytes(BigInt(allowance))} more: its users get their status back.`
  }

  return {
    async next() {
      if (!isLimited) return begin()
      const { limit } = (await call('GET', `${url}/stats`)) as { limit: LimitNow | null }
      // The operator of the demo may have removed it.
      if (!limit) return []
      const lines: string[] = []
      const { state, hold } = limit
      if (state !== before && state === 'warned') lines.push(`${name} has used 80 % of its traffic.`)
      if (state !== before && state === 'exceeded') {
        lines.push(`${name} has used ${shareOf(limit)}: the ledger disables its users.`)
      }
      before = state
      // Until the hold has found its first user, the panel has not been asked.
      if (hold && hold.reasons.length > 0 && hold.total > 0 && hold.done >= hold.total) {
        held += 1
        if (held === 1) lines.push(`All ${hold.done} users of ${name} are disabled. New ones will be, too.`)
        if (held > looksHeld) lines.push(await grant())
      } else if (isReleasing && (!hold || hold.total === 0)) {
        isReleasing = false
        lines.push(`All users of ${name} are enabled again.`)
      }
      return lines
    },
  }
}

function shareOf({ used, allowance: all }: LimitNow): string {
  return `${gigabytes(BigInt(used))} of ${gigabytes(BigInt(all))}`
}
