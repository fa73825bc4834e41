import type { Forwarded, ForwardedAnswer } from '../../src/panel/panel.ts'
import type { Caller } from '../../src/work/callers/caller.ts'
import { createFront } from '../../src/work/front/front.ts'
import type { FrontWork } from '../../src/work/front/front-request.ts'
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
    callers: { recognises: () => true, identify: async () => caller },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  })
  const { method, target } = targetOf(work)
  const call = front.guarded(method, target.split('?', 1)[0] ?? '')
  if (!call) throw new Error(`the front does not guard ${method} ${target}`)
  const request = { method, target, headers: {}, body: null }
  const gone = new AbortController().signal
  return front.handle(call, { request, token: name, gone, preserveTraffic: true })
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
