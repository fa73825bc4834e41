import { expect } from 'vitest'
import { createKey } from '../../support/api-keys.ts'
import { withKey } from '../service.ts'
import { aLimit, aWish, grant, type Headers, hold, limit, openBulk, scene } from './rights-scene.ts'

export type Ask = { url: string; payload?: object; done?: (isAllowed: boolean) => void }
/** What is asked for, how, and what each of the callers gets: a status, and what it saw where that differs. */
export type Row = [what: string, ask: () => Ask | Promise<Ask>, answers: string]

let count = 0
/** A new user of this owner; `done` checks that only a caller with the right has deleted it. */
function userOf(admin: string | null): { username: string; done: (isAllowed: boolean) => void } {
  count += 1
  const username = `user${count}`
  scene.service.panel.state.createUser(username, { admin, lifetime: 5n })
  return {
    username,
    done: (isAllowed) => expect(scene.service.panel.state.users.has(username)).toBe(!isAllowed),
  }
}
export const deleting = (admin: string | null, query = ''): Ask => {
  const { username, done } = userOf(admin)
  return { url: `/users/${username}${query}`, done }
}
const naming = (admin: string | null): Ask => ({
  url: '/deletions',
  payload: { usernames: [userOf(admin).username] },
})
const ofAccount = (admin: number | 'me'): Ask => ({
  url: '/deletions',
  payload: { admin, status: 'limited' },
})
const cancelling = async (headers: Headers, admin: bigint): Promise<Ask> => ({
  url: `/deletions/${await openBulk(headers, { admin: Number(admin), status: 'on_hold' })}`,
})

const making = (role: string, admin?: number | 'me'): Ask => ({
  url: '/api-keys',
  payload: { name: 'a key', role, access: 'read', admin },
})
const revoking = async (adminId: bigint | null): Promise<Ask> => {
  const { id } = await createKey(scene.service.db, { role: adminId === null ? 'sudo' : 'admin', adminId })
  return { url: `/api-keys/${id}` }
}

const account = (tail: string): Row[] => [
  ["ana's account", () => ({ url: `/admins/${scene.ids.ana}${tail}` }), '200 200 200 403 200 403'],
  ["bob's account", () => ({ url: `/admins/${scene.ids.bob}${tail}` }), '200 200 403 403 403 200'],
  ['its own account', () => ({ url: `/admins/me${tail}` }), '404 200 200 404 200 200'],
]

/** A call for sudo admins alone, about ana's account and about one's own. */
const sudoAlone = (tail: string, done: number, payload?: object): Row[] => {
  const to = (admin: bigint | 'me') => ({ url: `/admins/${admin}${tail}`, ...(payload && { payload }) })
  return [
    [
      "ana's account",
      () => limit(scene.ids.ana).then(() => to(scene.ids.ana)),
      `${done} ${done} 403 403 403 403`,
    ],
    ['its own account', () => to('me'), `404 ${done} 403 403 403 403`],
  ]
}

/** Every call that needs a caller. */
export const table: Record<string, Row[]> = {
  listAdmins: [
    [
      'all accounts',
      () => ({ url: '/admins?sort=username' }),
      '200:ana,bob,root 200:ana,bob,root 200:ana 200: 200:ana 200:bob',
    ],
  ],
  getAdmin: account(''),
  getAdminStats: account('/stats'),
  listAdminUsers: account('/users'),
  getLimit: account('/limit').map(([what, ask, answers]) => [
    what,
    async () => {
      // The caller before has removed it.
      await limit(scene.ids.ana)
      return ask()
    },
    answers,
  ]),
  listGrants: account('/grants'),
  listLimitPeriods: account('/periods'),
  setLimit: sudoAlone('/limit', 200, aLimit),
  addGrant: sudoAlone('/grants', 201, { bytes: 5 }),
  revokeGrant: [
    [
      "a grant of ana's",
      async () => ({ url: `/admins/${scene.ids.ana}/grants/${await grant(scene.ids.ana)}` }),
      '200 200 403 403 403 403',
    ],
  ],
  getHold: [
    ["ana's hold", async () => ({ url: await hold(scene.ids.ana) }), '200 200 200 403 200 403'],
    ["bob's hold", async () => ({ url: await hold(scene.ids.bob) }), '200 200 403 403 403 200'],
  ],
  placeHold: [
    [
      "ana's account",
      () => ({ url: `/admins/${scene.ids.ana}/hold`, payload: aWish }),
      '200 200 403 403 403 403',
    ],
  ],
  liftHold: [["ana's hold", async () => ({ url: await hold(scene.ids.ana) }), '204 204 403 403 403 403']],
  closeLimitPeriod: sudoAlone('/periods', 201),
  deleteLimit: [
    [
      "ana's limit",
      async () => {
        await limit(scene.ids.ana)
        return { url: `/admins/${scene.ids.ana}/limit` }
      },
      '204 204 403 403 403 403',
    ],
  ],
  deleteAdmin: [
    [
      "ana's admin",
      () => ({ url: `/admins/${scene.ids.ana}` }),
      '202:requested 202:requested 403 403 403 403',
    ],
    [
      "bob's admin",
      () => ({ url: `/admins/${scene.ids.bob}` }),
      '202:requested 202:requested 403 403 403 403',
    ],
  ],
  deleteUser: [
    ["ana's user", () => deleting('ana'), '200:deleted 200:deleted 200:deleted 403 200:deleted 403'],
    ["bob's user", () => deleting('bob'), '200:deleted 200:deleted 403 403 403 200:deleted'],
    ["nobody's user", () => deleting(null), '200:deleted 200:deleted 403 403 403 403'],
    [
      "ana's user, unread",
      () => deleting('ana', '?preserve_traffic=false'),
      '200:deleted 200:deleted 403 403 403 403',
    ],
  ],
  deleteUsers: [
    [
      "ana's user by name",
      () => naming('ana'),
      '202:requested 202:requested 202:requested 403 202:requested 202:incomplete',
    ],
    [
      "bob's user by name",
      () => naming('bob'),
      '202:requested 202:requested 202:incomplete 403 202:incomplete 202:requested',
    ],
    [
      "nobody's user by name",
      () => naming(null),
      '202:requested 202:requested 202:incomplete 403 202:incomplete 202:incomplete',
    ],
    [
      "ana's users",
      () => ofAccount(Number(scene.ids.ana)),
      '202:requested 202:requested 202:requested 403 202:requested 403',
    ],
    [
      "bob's users",
      () => ofAccount(Number(scene.ids.bob)),
      '202:requested 202:requested 403 403 403 202:requested',
    ],
  ],
  listDeletions: [
    [
      "ana's receipts",
      () => ({ url: `/deletions?kind=admin&admin=${scene.ids.ana}` }),
      '200 200 200 403 200 403',
    ],
    [
      "bob's receipts",
      () => ({ url: `/deletions?kind=admin&admin=${scene.ids.bob}` }),
      '200 200 403 403 403 200',
    ],
  ],
  getDeletion: [
    [
      "ana's receipt",
      () => ({ url: `/deletions/${scene.receipts.ana}` }),
      '200:requested 200:requested 200:requested 404 200:requested 404',
    ],
    [
      "bob's receipt",
      () => ({ url: `/deletions/${scene.receipts.bob}` }),
      '200:requested 200:requested 404 404 404 200:requested',
    ],
  ],
  cancelDeletion: [
    [
      'what ana asked for',
      () => cancelling(scene.service.as('ana'), scene.ids.ana),
      '202:requested 202:requested 202:requested 404 202:requested 404',
    ],
    [
      "what the operator asked for in ana's account",
      () => cancelling(withKey, scene.ids.ana),
      '202:requested 202:requested 403 404 403 404',
    ],
    [
      'what bob asked for',
      () => cancelling(scene.service.as('bob'), scene.ids.bob),
      '202:requested 202:requested 404 404 404 202:requested',
    ],
  ],
  getSync: [['the state of the collector', () => ({ url: '/sync' }), '200 200 403 403 403 403']],
  startSync: [['a sync', () => ({ url: '/sync' }), '202 202 403 403 403 403']],
  createApiKey: [
    ["a key for ana's account", () => making('admin', Number(scene.ids.ana)), '201 201 201 403 403 403'],
    ["a key for bob's account", () => making('admin', Number(scene.ids.bob)), '201 201 403 403 403 403'],
    ['a key for its own account', () => making('admin', 'me'), '404 201 201 404 403 403'],
    ['a sudo key', () => making('sudo'), '201 201 403 403 403 403'],
    ['a metrics key', () => making('metrics'), '201 201 403 403 403 403'],
  ],
  listApiKeys: [
    [
      'keys',
      () => ({ url: '/api-keys?limit=200' }),
      '200:ana,bob,none 200:ana,bob,none 200:ana 200: 200:ana 200:bob',
    ],
  ],
  revokeApiKey: [
    ["ana's key", () => revoking(scene.ids.ana), '200 200 200 404 403 403'],
    ["bob's key", () => revoking(scene.ids.bob), '200 200 404 404 403 403'],
    ['a sudo key', () => revoking(null), '200 200 404 404 403 403'],
  ],
  listAudit: [['the audit trail', () => ({ url: '/audit' }), '200 200 403 403 403 403']],
}
