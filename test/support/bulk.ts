import { afterEach, beforeEach, expect } from 'vitest'
import { listDeletions } from '../../src/store/deletions/deletion-list.ts'
import { findDeletion } from '../../src/store/deletions/deletions.ts'
import { operator } from '../../src/work/callers/caller.ts'
import { type BulkRequest, requestBulkDeletion } from '../../src/work/deleting/request-deletion.ts'
import { settleDeletions } from '../../src/work/deleting/settle.ts'
import { carryOut } from './carry-out.ts'
import { isOfUser, passGrace, useDeleting, workOf } from './deleting.ts'
import { inconsistentAccounts } from './ledger.ts'

/** What {@link useDeleting} gives, and an admin of its own for each test: they share the ledger, the panel they do not. */
export function useBulk() {
  const ctx = useDeleting()
  const bulk = {
    ctx,
    admin: '',
    createUsers: (number: number, bytes = 10, prefix = 'u'): string[] =>
      Array.from({ length: number }, (_, index) => {
        const username = `${bulk.admin}_${prefix}${index}`
        ctx.panel.state.createUser(username, { admin: bulk.admin })
        ctx.panel.state.accrue(username, bytes)
        return username
      }),
    request: (what: BulkRequest, caller = operator) =>
      requestBulkDeletion({ db: ctx.db, panel: ctx.client }, caller, what, null),
    /** A token of the admin. */
    token: (): string => {
      const { password = '' } = ctx.panel.state.admins.get(bulk.admin) ?? {}
      return ctx.panel.tokens.logIn(new URLSearchParams({ username: bulk.admin, password })).access_token
    },
    /** Finds out what became of deletions that the panel has not answered, once it cannot act on them any more. */
    settle: async () => {
      await settleDeletions(workOf(ctx))
      await passGrace(ctx)
      await settleDeletions(workOf(ctx))
    },
    /** Carries it out from where it stands, and returns what it is then. */
    run: async (id: bigint) => {
      await carryOut(workOf(ctx), id)
      return findDeletion(ctx.db, id)
    },
    childrenOf: async (id: bigint) => {
      const { deletions } = await listDeletions(ctx.db, { parentId: id, before: null, limit: 1_000 })
      return deletions.filter(isOfUser)
    },
  }
  let count = 0
  beforeEach(() => {
    count += 1
    bulk.admin = `admin${count}`
    ctx.panel.state.createAdmin(bulk.admin)
  })
  afterEach(async () => {
    expect(await inconsistentAccounts(ctx.db)).toEqual([])
  })
  return bulk
}
