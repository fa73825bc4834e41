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
    name: 'leave current who was read before its admin was gone',
    file: 'store/tenures/tenure-changes.ts',
    from: 'ended_at is null and asked <',
    to: 'ended_at is null and answered <',
  },
  {
    name: 'close an account before its users are locked',
    file: 'work/deleting/close-admin.ts',
    from: '    const released = await',
    to: '    await closeAccount(tx, adminId, ticks, answered.at)\n    const released = await',
  },
  {
    name: 'leave current who is found gone while a scan ends',
    file: 'work/deleting/final-reading.ts',
    from: 'const user = await identify(deps, request)\n    if (user === null) return (await observeGone(db, asked, request.username)) ? absent : undefined',
    to: 'const user = await identify(deps, request)\n    if (user === null && ((await observeGone(db, asked, request.username)) || true)) return absent',
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
    name: 'call an admin interrupted whose deletion could not be sent',
    file: 'work/deleting/close-receipt.ts',
    from: "...(receipt.kind === 'admin' && { preserved_at: null, final_reading: null }),",
    to: '',
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
  {
    name: 'end a cancelled deletion to which a user has come back',
    file: 'work/deleting/bulk-deletion.ts',
    from: 'if (!counts.requested) break',
    to: 'break',
  },
  {
    name: 'settle nobody any more after a user about whom the panel is silent',
    file: 'work/deleting/settle.ts',
    from: "'panel_failed', 'panel_timeout', 'invalid_request'",
    to: "'panel_failed', 'invalid_request'",
  },
  {
    name: 'settle one page of deletions',
    file: 'work/deleting/settle.ts',
    from: 'const atOnce = 100',
    to: 'const atOnce = 1',
    also: [
      {
        file: 'work/deleting/settle.ts',
        from: 'if (page.length < atOnce) break',
        to: 'break',
      },
    ],
  },
]
