import type { CompiledQuery } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lockingAccountsOf } from '../../src/store/accounts/accounts.ts'
import { findAccount, findOpenAccount, listAccounts } from '../../src/store/accounts/queries.ts'
import { readPanelPoll } from '../../src/store/collecting/panel-poll.ts'
import {
  countDueScans,
  countScannedUsers,
  listFailedScans,
  nextDueScan,
} from '../../src/store/collecting/scans.ts'
import { type Database, openDatabase } from '../../src/store/connection/database.ts'
import { drawAnswered, drawAsked } from '../../src/store/connection/logical-clock.ts'
import { carryOut } from '../../src/store/connection/together.ts'
import { findKnownUsers, readBulkLoad } from '../../src/store/deletions/bulk-admission.ts'
import {
  addUsersOfAccount,
  cancelPendingChildren,
  countChildren,
  findByIdempotencyKey,
  isCancelRequested,
  listInterruptedChildren,
  listUnknownUsers,
  secondsSpent,
} from '../../src/store/deletions/bulk-deletions.ts'
import { type Deletion, toDeletion } from '../../src/store/deletions/deletion.ts'
import { findVisibleDeletion, listDeletions } from '../../src/store/deletions/deletion-list.ts'
import {
  claimUser,
  hasUsersLeft,
  listOpenBulks,
  noteGoingOn,
  noteWaiting,
  postponeUser,
  releaseAbandonedUsers,
} from '../../src/store/deletions/deletion-places.ts'
import { findDeletion } from '../../src/store/deletions/deletions.ts'
import {
  findOpenDeletion,
  finishUnanswered,
  listLateAdminDeletions,
  listUnsettled,
  lockUnderWay,
} from '../../src/store/deletions/unsettled-deletions.ts'
import { findUnchanged, isEveryoneRead, listUnseen } from '../../src/store/tenures/seen-tenures.ts'
import { endTenuresOf } from '../../src/store/tenures/tenure-changes.ts'
import { listTenures } from '../../src/store/tenures/tenure-list.ts'
import { createTenureSet } from '../../src/store/tenures/tenure-set.ts'
import { lockingOpenTenures, lockingTenures } from '../../src/store/tenures/tenures.ts'
import { observeUsers } from '../../src/work/observing/observe-users.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fillLedger } from '../support/large-ledger.ts'
import { admin, user } from '../support/ledger.ts'
import { readingOf } from './plan.ts'

const large = ['tenures', 'deletions']
/** Rows that a statement may read and leave out: a place's own users under way, an admin's own users. */
const removedAtMost = 600
/** Rows that a statement may read: some pages, or a bulk deletion of a thousand users. */
const rowsAtMost = 4_000

let database: TestDatabase
let db: Database
let client: pg.Client
let statements: CompiledQuery[] = []
/** A bulk deletion that has ended, one that is open, and the last receipt of all. */
let ended: Deletion
let open: Deletion
let last: bigint

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase({ url: database.url, onStatement: (statement) => void statements.push(statement) })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await fillLedger(client, { admins: 2_000, users: 500_000, receipts: 300_000 })
  const bulks = await db
    .selectFrom('deletions')
    .selectAll()
    .where('kind', '=', 'users')
    .orderBy('id')
    .execute()
  const [first, second] = bulks
  if (!first || !second) throw new Error('no bulk deletions')
  ended = toDeletion(first)
  open = toDeletion(second)
  last = (await db.selectFrom('deletions').select('id').orderBy('id', 'desc').executeTakeFirstOrThrow()).id
}, 180_000)
afterAll(async () => {
  await client?.end()
  await db?.destroy()
  await database?.drop()
})

/** An admin in the middle of all. */
const adminId = 777n
const viewer = { name: 'admin:admin777', adminId }
const page = { before: null, limit: 50 }
const aWeek = { from: new Date(Date.now() - 60 * 86_400_000), to: new Date(Date.now() - 53 * 86_400_000) }
/** Users of that admin. */
const someUsers = Array.from({ length: 100 }, (_, index) => {
  const n = 776 + 2_000 * (2 * index + 1)
  const createdAt = new Date(Date.UTC(2024, 0, 1) + n * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  return { username: `user${n}`, createdAt: `${createdAt}.000000` }
})
const someShown = someUsers.map((key) => ({
  ...key,
  lifetime: 0n,
  status: 'active',
  dataLimit: null,
  expire: null,
}))
const scan = { begun: 2n ** 40n, unchanged: createTenureSet() }
const someNames = someUsers.map(({ username }) => username)
const ticks = { asked: 2n ** 40n, answered: 2n ** 40n + 1n }

const list = (filter: Partial<Parameters<typeof listDeletions>[1]>) => () =>
  listDeletions(db, { ...page, ...filter })
const tenuresOf = (filter: { current: boolean; ended: boolean }) => () =>
  listTenures(db, { adminId, after: null, limit: 50, ...filter })

const deletionLists: Record<string, () => Promise<unknown>> = {
  'all receipts': list({}),
  'a later page of all': () => list({ before: last - 150_000n })(),
  'receipts in a rare state': list({ states: ['failed'] }),
  'receipts in a state that none is in': list({ states: ['cancelled'] }),
  'receipts of a rare kind': list({ kinds: ['admin', 'users'] }),
  'receipts of a rare kind in a rare state': list({ kinds: ['users'], states: ['incomplete'] }),
  'receipts of a week long ago': list(aWeek),
  'failed receipts of a week long ago': list({ ...aWeek, states: ['failed'] }),
  'receipts of one account': list({ adminId }),
  'failed receipts of one account': list({ adminId, states: ['failed'] }),
  'receipts that an admin may see': list({ visibleTo: viewer }),
  'a later page of what an admin may see': () => list({ visibleTo: viewer, before: last - 150_000n })(),
  'failed receipts that an admin may see': list({ visibleTo: viewer, states: ['failed'] }),
  'receipts that an admin may see of a week long ago': list({ visibleTo: viewer, ...aWeek }),
  'receipts of its own account that an admin may see': list({ visibleTo: viewer, adminId }),
  'users of a bulk deletion': () => list({ parentId: ended.id })(),
  'failed users of a bulk deletion': () => list({ parentId: ended.id, states: ['failed'] })(),
  'admins of a bulk deletion, of which there are none': () =>
    list({ parentId: ended.id, kinds: ['admin'] })(),
  'users of somebody else’s bulk deletion that an admin may see': () =>
    list({ parentId: ended.id, visibleTo: viewer })(),
  'users of one account in a bulk deletion': () => list({ parentId: ended.id, adminId })(),
}

const deletions: Record<string, () => Promise<unknown>> = {
  'a receipt': () => findDeletion(db, last),
  'a receipt that an admin may see': () => findVisibleDeletion(db, last, viewer),
  'what services left behind': () => listUnsettled(db, { after: 0n, limit: 100 }),
  'admins deleted late': () => listLateAdminDeletions(db, 100),
  'users deleted late': () => db.transaction().execute((tx) => finishUnanswered(tx, someUsers)),
  'how a deletion stands': () => findOpenDeletion(db, { id: last, kind: 'user' }),
  'who deletes a user': () => db.transaction().execute((tx) => lockUnderWay(tx, { username: 'user777' })),
  'who deletes an admin': () => db.transaction().execute((tx) => lockUnderWay(tx, { adminId })),
  'an earlier request': () => findByIdempotencyKey(db, { requestedBy: viewer.name, adminId }, 'a key'),
  'how a bulk deletion stands': () => countChildren(db, ended.id),
  'how long it takes': () => secondsSpent(db, ended.id),
  'whether it is to stop': () => isCancelRequested(db, open.id),
  'whose deletion was interrupted': () => listInterruptedChildren(db, open.id),
  'whom it has not begun with': () => cancelPendingChildren(db, open.id),
  'whom nobody knows': () => listUnknownUsers(db, open.id, { after: 0n, limit: 1_000 }),
  'all users of an account': () => addUsersOfAccount(db, open, { by: 'account', adminId, statuses: null }),
  'which names are an admin’s': () => findKnownUsers(db, someNames, adminId),
  'which names are anybody’s': () => findKnownUsers(db, someNames, null),
  'what a caller has open': () => readBulkLoad(db, 'admin:admin2'),
  'what the caller of a third of all has open': () => readBulkLoad(db, 'api_key'),
  'whose turn it is': () => db.transaction().execute((tx) => claimUser(tx, 'place 1')),
  'what a place left behind': () => releaseAbandonedUsers(db, 'place 1'),
  'whether users are left': () => hasUsersLeft(db, open.id),
  'that it waits': async () => {
    await noteWaiting(db, { bulkId: open.id, userId: last }, { code: 'panel_failed', message: '' }, true)
    await postponeUser(db, last, 1)
    await noteGoingOn(db, open.id)
  },
  'open bulk deletions': () => listOpenBulks(db),
}

const collecting: Record<string, () => Promise<unknown>> = {
  'stats of an account': () => findAccount(db, adminId),
  'an account by its name': () => findOpenAccount(db, 'admin777'),
  'accounts by their totals': () =>
    listAccounts(db, { sort: 'total_traffic', descending: true, limit: 50, after: null }),
  'accounts by their names': () =>
    listAccounts(db, { sort: 'username', descending: false, limit: 50, after: { key: 'admin5', id: 5n } }),
  'an admin’s users': tenuresOf({ current: true, ended: false }),
  'an admin’s deleted users': tenuresOf({ current: false, ended: true }),
  'all an admin’s users ever': tenuresOf({ current: true, ended: true }),
  'a user that exists': () =>
    db.transaction().execute((tx) => carryOut(tx, lockingTenures(someUsers.slice(0, 1)))),
  'a page of users that exist': () =>
    db.transaction().execute((tx) => carryOut(tx, lockingTenures(someUsers))),
  'a user that is gone': () => db.transaction().execute((tx) => carryOut(tx, lockingOpenTenures('user777'))),
  'a page of an answer': async () => {
    const owner = admin('admin777')
    const seen = someUsers.map(({ username, createdAt }) => user(username, 20n, { owner, createdAt }))
    await observeUsers(db, await drawAsked(db), seen)
  },
  'the accounts of a user that is gone': () =>
    db.transaction().execute((tx) => carryOut(tx, lockingAccountsOf(['user777']))),
  'users not seen by a scan': () => listUnseen(db, adminId, scan, { after: 0n, limit: 100 }),
  'users that have not changed': () => findUnchanged(db, adminId, scan.begun, someShown),
  'whether a scan has read all users': () =>
    db.transaction().execute((tx) => isEveryoneRead(tx, adminId, scan)),
  'users of an account that is closed': () =>
    db.transaction().execute(async (tx) => {
      await endTenuresOf(tx, 888n, 'transfer', ticks, (await drawAnswered(tx)).at)
    }),
  'the scan that is due': () => nextDueScan(db, 600),
  'how many scans are due': () => countDueScans(db, 600),
  'how many users there are': () => countScannedUsers(db),
  'scans that failed': () => listFailedScans(db, 20),
  'how the last poll went': () => readPanelPoll(db),
}

describe.each(
  Object.entries({ 'receipts listed': deletionLists, 'receipts worked on': deletions, collecting }),
)('of a million users and three hundred thousand receipts, for what is %s,', (_, cases) => {
  test.each(Object.entries(cases))('nothing else is read: %s', async (_, call) => {
    statements = []
    await call()
    const made = statements.filter(({ sql }) => /^\s*(with|select|update|insert|delete)\b/i.test(sql))
    expect(made.length).toBeGreaterThan(0)
    for (const statement of made) {
      const reading = await readingOf(client, statement, large)
      const about = `${JSON.stringify(reading)} of ${statement.sql}`
      expect(reading.walked, about).toEqual([])
      expect(reading.removed, about).toBeLessThanOrEqual(removedAtMost)
      expect(reading.rows, about).toBeLessThanOrEqual(rowsAtMost)
    }
  })
})

test('is found out where something else is read', async () => {
  const look = db.selectFrom('deletions').select('id').where('error', '=', 'x').compile()
  expect(await readingOf(client, look, large)).toMatchObject({ walked: ['deletions'] })
})
