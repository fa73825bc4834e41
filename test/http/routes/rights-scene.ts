import { sql } from 'kysely'
import { expect } from 'vitest'
import { createKey } from '../../support/api-keys.ts'
import { type Operation, readOperations } from '../operations.ts'
import { startTestService, type TestService, withKey } from '../service.ts'

export type Headers = Record<string, string>

/** A service with accounts of ana and bob, a key of each kind, and a receipt of each admin. Set by {@link openScene}. */
export const scene = {} as {
  service: TestService
  operations: Operation[]
  ids: Record<'ana' | 'bob', bigint>
  receipts: Record<'ana' | 'bob', bigint>
  keys: Record<'anaWrite' | 'anaRead' | 'bobWrite' | 'sudoWrite' | 'sudoRead' | 'metrics', string>
}

export async function openScene(): Promise<void> {
  scene.service = await startTestService({
    admins: [{ username: 'root', isSudo: true }, { username: 'ana' }, { username: 'bob' }],
    failedAuthentication: { max: 1_000_000, windowMs: 60_000 },
  })
  const { service } = scene
  scene.operations = await readOperations(service.app)
  await service.poll()
  await service.scan()
  // No poll has seen this one.
  service.panel.state.createAdmin('new')
  const ids = { ana: await service.idOf('ana'), bob: await service.idOf('bob') }
  scene.ids = ids
  for (const admin of [ids.ana, ids.bob, await service.idOf('root')]) await limit(admin)
  scene.receipts = {
    ana: await openBulk(service.as('ana'), { admin: Number(ids.ana), status: 'expired' }),
    bob: await openBulk(service.as('bob'), { admin: Number(ids.bob), status: 'expired' }),
  }
  const key = async (settings: Parameters<typeof createKey>[1]) =>
    (await createKey(service.db, settings)).text
  scene.keys = {
    anaWrite: await key({ role: 'admin', adminId: ids.ana }),
    anaRead: await key({ role: 'admin', adminId: ids.ana, access: 'read' }),
    bobWrite: await key({ role: 'admin', adminId: ids.bob }),
    sudoWrite: await key({}),
    sudoRead: await key({ access: 'read' }),
    metrics: await key({ role: 'metrics', access: 'read' }),
  }
}

/** Ends the bulk deletions of a test: a caller may not have many open. */
export async function endBulks(): Promise<void> {
  await sql`
    update deletions set state = 'cancelled', finished_at = clock_timestamp()
    where finished_at is null and id <> all(${Object.values(scene.receipts)})`.execute(scene.service.db)
}

export const aLimit = { traffic_limit: 1_000, period: null, on_exceed: 'notify' }

export async function limit(admin: bigint): Promise<void> {
  const url = `/admins/${admin}/limit`
  const { statusCode } = await scene.service.app.inject({
    method: 'PUT',
    url,
    headers: withKey,
    payload: aLimit,
  })
  expect(statusCode).toBe(200)
}

/** A new grant in an account that has a limit. */
export async function grant(admin: bigint): Promise<number> {
  await limit(admin)
  const url = `/admins/${admin}/grants`
  const payload = { bytes: 5 }
  return (await scene.service.app.inject({ method: 'POST', url, headers: withKey, payload })).json().id
}

export const aWish = { reason: 'unpaid' }

/** Holds an account, as its operator wants. @returns the path of the hold. */
export async function hold(admin: bigint): Promise<string> {
  const url = `/admins/${admin}/hold`
  await scene.service.app.inject({ method: 'POST', url, headers: withKey, payload: aWish })
  return url
}

export async function openBulk(headers: Headers, payload: object): Promise<bigint> {
  const answer = await scene.service.app.inject({ method: 'POST', url: '/deletions', headers, payload })
  return BigInt(answer.json().id)
}

/** In the order of the columns below. */
export const callers: Record<string, () => Headers> = {
  'the operator': () => withKey,
  'a sudo admin': () => scene.service.as('root'),
  'an admin (ana)': () => scene.service.as('ana'),
  'an admin without an account': () => scene.service.as('new'),
  'a key of ana that may write': () => ({ 'x-api-key': scene.keys.anaWrite }),
  'a key of bob that may write': () => ({ authorization: `Bearer ${scene.keys.bobWrite}` }),
}

/** What the other callers get follows from the columns: from which of them, and for which calls; otherwise 403. */
export const derived: Record<
  string,
  [headers: () => Headers, as: string, may: (operation: Operation) => boolean]
> = {
  'a sudo key that may write': [
    () => ({ 'x-api-key': scene.keys.sudoWrite }),
    'the operator',
    ({ operationId }) => !['createApiKey', 'revokeApiKey'].includes(operationId),
  ],
  'a sudo key that may read': [
    () => ({ authorization: `Basic ${btoa(`prometheus:${scene.keys.sudoRead}`)}` }),
    'the operator',
    ({ method }) => method === 'GET',
  ],
  'a key of ana that may read': [
    () => ({ 'x-api-key': scene.keys.anaRead }),
    'a key of ana that may write',
    ({ method }) => method === 'GET',
  ],
  'a metrics key': [() => ({ 'x-api-key': scene.keys.metrics }), 'the operator', () => false],
}
