import path from 'node:path'
import { inject } from 'vitest'
import { turnDueLimits } from '../../src/work/limits/turn-due-limits.ts'
import { type RawAnswer, send } from '../http/front/raw.ts'
import { startTestService, type TestService, withKey } from '../http/service.ts'
import type { Admin } from '../stand-in/records.ts'
import type { Serving } from '../stand-in/xray.ts'
import { Clocks } from '../support/clocks.ts'
import type { Enforce } from './hold.ts'

/** The reseller that tries. */
export const reseller = 'ana'

export type WorldOptions = {
  /** What the service's jobs do for holds after a poll; null: the limit only notifies. */
  enforce: Enforce | null
  serving: Serving
  /** Whether the front knows who is held; true unless given. */
  frontKnows?: boolean
}

/** The real service over a stand-in panel whose jobs run; both and the database go by one clock, which the test sets forward. */
export type World = {
  service: TestService
  address: string
  adminId: bigint
  admin: Admin
  now(): number
  advance(ms: number): Promise<void>
  /** As an operator, with the API key. */
  operate(method: string, target: string, body?: object): Promise<RawAnswer>
  /** One poll, and what the service's jobs do after it. */
  poll(): Promise<void>
  close(): Promise<void>
}

/** Each story begins at the same time, whatever the day on which it is told. */
const begins = Date.parse('2040-03-10T00:00:00Z')
const going = new AbortController().signal

export async function startWorld({ enforce, serving, frontKnows = true }: WorldOptions): Promise<World> {
  const clocks = new Clocks(path.join(inject('runDir'), `clock-of-bypass-${process.pid}`))
  let shift = 0
  const now = () => Date.now() + shift
  let url = ''
  const advance = async (ms: number) => {
    shift += ms
    await clocks.jump(url, 'database', ms)
  }
  const service = await startTestService({
    admins: [{ username: reseller }, { username: 'bob' }],
    now,
    panelNow: now,
    serving,
    reach: async (given) => {
      url = given
      await clocks.shadow(url)
      await advance(begins - Date.now())
      return url
    },
    ...(!frontKnows && { holdOf: async () => null }),
  })
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  await service.poll()
  await service.scan()
  const admin = service.panel.state.admins.get(reseller)
  if (!admin) throw new Error('there is no reseller')
  const world: World = {
    service,
    address,
    adminId: await service.idOf(reseller),
    admin,
    now,
    advance,
    operate: (method, target, body) =>
      send(address, method, target, {
        headers: { ...withKey, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      }),
    poll: async () => {
      await service.poll()
      await turnDueLimits(service.db, going)
      await enforce?.(world)
    },
    close: () => service.close(),
  }
  const limit = {
    traffic_limit: monthly,
    period: { unit: 'month', anchor_day: 1, timezone: zone },
    carry_over: 'debt',
    on_exceed: enforce ? 'disable_users' : 'notify',
  }
  const answer = await world.operate('PUT', `/admins/${world.adminId}/limit`, limit)
  if (answer.status !== 200) throw new Error(`the limit was not set: ${answer.body}`)
  return world
}

/** Bytes that the reseller may use each month. */
export const monthly = 150_000
const zone = 'Asia/Tehran'
/** Tehran has had one offset all year since 2022. */
const offsetMs = 3.5 * 3_600_000

/** The first instant of the month after the one of `instant`, in Tehran; all in milliseconds since 1970. */
export function nextMonth(instant: number): number {
  const local = new Date(instant + offsetMs)
  return Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 1) - offsetMs
}
