import { afterAll, beforeAll, beforeEach } from 'vitest'
import { startTestService, type TestService, type TestServiceOptions } from '../service.ts'
import { type RawAnswer, send } from './raw.ts'
import { type Handle, startUpstream, type Upstream } from './upstream.ts'

export type Fronted = {
  service: TestService
  /** Where the service listens. */
  address: string
  /** A user that nobody has read yet. */
  newUser(admin: string | null, lifetime: bigint, over?: object): string
  /** A request of an admin through the front. */
  through(method: string, target: string, as: string): Promise<RawAnswer>
  /** What a user has counted for an admin, ada unless given; null: it was never read there. */
  counted(username: string, admin?: string): Promise<bigint | null>
  tenureOf(username: string): Promise<unknown>
  receiptsOf(username: string): Promise<unknown[]>
}

/** A service in front of the stand-in panel, with ada, bob and the sudo admin root, for the file that calls this. */
export function useFront(options: Partial<TestServiceOptions> = {}): Fronted {
  const front = {} as Fronted
  let serial = 0
  beforeAll(async () => {
    front.service = await startTestService({
      admins: [{ username: 'ada' }, { username: 'bob' }, { username: 'root', isSudo: true }],
      ...options,
    })
    front.address = await front.service.app.listen({ host: '127.0.0.1', port: 0 })
    await front.service.poll()
  })
  afterAll(() => front.service.close())
  beforeEach(() => {
    front.service.panel.faults.clear()
    front.service.takeAsked()
  })
  front.newUser = (admin, lifetime, over = {}) => {
    serial += 1
    const username = `user_${serial}`
    front.service.panel.state.createUser(username, { admin, lifetime, ...over })
    return username
  }
  front.through = (method, target, as) =>
    send(front.address, method, target, { headers: front.service.as(as) })
  front.counted = async (username, admin = 'ada') => {
    const row = await front.service.db
      .selectFrom('tenures')
      .select('counted')
      .where('username', '=', username)
      .where('admin_id', '=', await front.service.idOf(admin))
      .executeTakeFirst()
    return row?.counted ?? null
  }
  front.tenureOf = (username) =>
    front.service.db
      .selectFrom('tenures')
      .select(['counted', 'ended_by', 'reading'])
      .where('username', '=', username)
      .executeTakeFirst()
  front.receiptsOf = (username) =>
    front.service.db
      .selectFrom('deletions')
      .select(['state', 'final_reading', 'requested_by', 'error'])
      .where('username', '=', username)
      .execute()
  return front
}

export type Facing = {
  service: TestService
  address: string
  upstream: Upstream
  /** What stands where the panel should be; put back before each test. */
  handle: Handle
}

/** A service in front of any HTTP server, whose base path is /base. */
export function useUpstream(handle: Handle, options: Partial<TestServiceOptions> = {}): Facing {
  const facing = { handle } as Facing
  beforeAll(async () => {
    facing.upstream = await startUpstream((request, response) => facing.handle(request, response))
    const upstream = `${facing.upstream.url}/base`
    facing.service = await startTestService({ admins: [], upstream, ...options })
    facing.address = await facing.service.app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await facing.service.close()
    await facing.upstream.close()
  })
  beforeEach(() => {
    facing.handle = handle
  })
  return facing
}
