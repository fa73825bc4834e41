import { LedgerError } from '../../src/errors.ts'
import type { Forwarded, ForwardedAnswer } from '../../src/panel/panel.ts'
import { findOpenAccount } from '../../src/store/accounts/queries.ts'
import type { Caller } from '../../src/work/callers/caller.ts'
import { createFront } from '../../src/work/front/front.ts'
import type { FrontWork } from '../../src/work/front/front-request.ts'
import { holdOf } from '../../src/work/front/hold-of.ts'
import type { EditUser, ServiceCall } from './limit-steps.ts'
import { environment } from './panel-api.ts'
import type { FrontCall, Spelling } from './steps.ts'

/** Makes a call of the panel's own API at the service's address, as a sudo admin. */
export async function callThroughFront(
  work: FrontCall,
  place: Omit<FrontWork, 'callers' | 'log'>,
): Promise<ForwardedAnswer> {
  const name = 'by' in work && work.by !== null ? work.by : environment
  const caller: Caller = { kind: 'admin', name, isSudo: true, adminId: null, token: name }
  const front = createFront({
    ...place,
    callers: { identify: async () => caller },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })
  const { method, target } = targetOf(work)
  const call = front.guarded(method, target.split('?', 1)[0] ?? '')
  if (!call) throw new Error(`the front does not guard ${method} ${target}`)
  const request = { method, target, headers: {}, body: null }
  const gone = new AbortController().signal
  return front.handle(call, { request, token: name, gone, preserveTraffic: true })
}

type FrontPlace = Omit<FrontWork, 'callers' | 'log' | 'holdOf'>

/**
 * Changes a user at the service's address, which passes such a call on.
 *
 * @throws `forbidden` when the user's admin is held; `panel_bad_answer` when the panel has not done it, or when the service
 *   could not note that it has.
 */
export async function editThroughFront(
  { user, status, caller: by }: EditUser,
  place: FrontPlace,
): Promise<void> {
  const owner = (await place.panel.userService(user))?.owner ?? null
  const account = owner === null || by === 'sudo' ? undefined : await findOpenAccount(place.db, owner)
  const isSudo = account === undefined
  const caller: Caller = {
    kind: 'admin',
    name: owner ?? environment,
    isSudo,
    adminId: account?.id ?? null,
    token: by,
  }
  const body = { status, ...(status === 'on_hold' && { on_hold_expire_duration: 60 }) }
  await passOn(place, { method: 'PUT', path: `/api/user/${user}`, body, caller })
}

/** Disables all users of an admin, as {@link editThroughFront} changes one. */
export async function disableThroughFront(
  { admin }: Extract<ServiceCall, { of: 'front: disable users' }>,
  place: FrontPlace,
): Promise<void> {
  const caller: Caller = { kind: 'admin', name: environment, isSudo: true, adminId: null, token: 'sudo' }
  await passOn(place, { method: 'POST', path: `/api/admin/${admin}/users/disable`, body: null, caller })
}

type PassedOn = { method: 'PUT' | 'POST'; path: string; body: unknown; caller: Caller }

async function passOn(place: FrontPlace, { method, path, body, caller }: PassedOn): Promise<void> {
  const failures: string[] = []
  const front = createFront({
    ...place,
    holdOf: (adminId) => holdOf(place.db, adminId),
    callers: { identify: async () => caller },
    log: { info: () => {}, warn: () => {}, error: () => failures.push(path) },
  })
  const call = {
    method,
    path,
    headers: { 'content-type': 'application/json' },
    body: body === null ? null : Buffer.from(JSON.stringify(body)),
  }
  await front.refuse(call, caller.kind === 'admin' ? caller.token : null)
  const answer = await place.forwarder.forward({
    method,
    target: path,
    headers: call.headers,
    body: call.body,
  })
  await front.noteAnswer(call, answer.status)
  if (answer.status !== 200 || failures.length > 0)
    throw new LedgerError('panel_bad_answer', 'Nobody has noted this.')
}

function targetOf(work: FrontCall): Pick<Forwarded, 'method' | 'target'> {
  const spelling = 'spelling' in work ? work.spelling : 'plain'
  switch (work.of) {
    case 'front: delete user':
      return { method: 'DELETE', target: `/api/user/${spelt(work.user, spelling)}` }
    case 'front: delete expired':
      return { method: 'DELETE', target: '/api/users/expired' }
    case 'front: move user':
      return {
        method: 'PUT',
        target: `/api/user/${spelt(work.user, spelling)}/set-owner?admin_username=${spelt(work.owner, spelling)}`,
      }
    case 'front: reset all':
      return { method: 'POST', target: '/api/users/reset' }
    case 'front: reset usage':
      return { method: 'POST', target: `/api/admin/usage/reset/${spelt(work.admin, spelling)}` }
    case 'front: delete admin':
      return { method: 'DELETE', target: `/api/admin/${spelt(work.admin, spelling)}` }
  }
}

/** A name as a caller writes it, which a panel may take for the same. */
function spelt(name: string, spelling: Spelling): string {
  if (spelling === 'shouted') return name.toUpperCase()
  return spelling === 'spaced' ? `${name}%20` : name
}
