import type { Mutation } from './mutation.ts'

/** Mistakes of deletions, and of readings that overtake each other. */
export const deletionMutations: readonly Mutation[] = [
  {
    name: 'hide from a reset what a scan has read for it',
    file: 'work/observing/observe-users.ts',
    from: 'await saveTenures(tx, [{ before: other, after: other }], { tick: other.asked }, answered.at)',
    to: '',
  },
  {
    name: 'send for a receipt that another service has taken over',
    file: 'work/deleting/claim.ts',
    from: 'if (!other) return null',
    to: 'if (!other || other.id === claim.receiptId) return null',
    also: [
      {
        file: 'work/deleting/final-reading.ts',
        from: '    createdAt,\n    isSure,\n    graceMs: opened',
        to: '    createdAt,\n    receiptId: request.receiptId,\n    isSure,\n    graceMs: opened',
      },
    ],
  },
  {
    name: 'let go of an admin whose deletion may be on its way',
    file: 'store/deletions/deletions.ts',
    from: 'return updateDeletion(db, deletion, { started_at:',
    to: 'return updateDeletion(db, deletion, { worker: null, started_at:',
  },
  {
    name: 'call an admin interrupted whose deletion is being carried out',
    file: 'work/deleting/settle.ts',
    from: 'if (open.alive) return open',
    to: '',
  },
  {
    name: 'take an admin created anew for the deleted one that used its key',
    file: 'store/deletions/bulk-deletions.ts',
    from: 'return sql`coalesce(requested_at < (select',
    to: 'return sql`coalesce(false and requested_at < (select',
  },
]
