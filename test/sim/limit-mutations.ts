import type { Mutation } from './mutation.ts'

/** Mistakes in limits and holds: somebody is held for nothing, is served for nothing, or is told so twice or never. */
export const limitMutations: readonly Mutation[] = [
  {
    name: 'hold only who has used more than its allowance',
    file: 'ledger/limit.ts',
    from: 'if (used >= allowance) crossings',
    to: 'if (used > allowance) crossings',
  },
  {
    name: 'warn only beyond the percentage',
    file: 'ledger/limit.ts',
    from: 'if (used * 100n >= allowance * BigInt(threshold))',
    to: 'if (used * 100n > allowance * BigInt(threshold))',
  },
  {
    name: 'judge a byte too late',
    file: 'work/limits/judge-growth.ts',
    from: 'after.judgeTotal !== null && after.total >= after.judgeTotal',
    to: 'after.judgeTotal !== null && after.total > after.judgeTotal',
  },
  {
    name: 'count growth for a period that has ended',
    file: 'work/limits/judge-growth.ts',
    from: 'return after.total > before.total && after.judgeTime !== null && after.judgeTime <= at',
    to: 'return false',
  },
  {
    name: 'close a period with what is first seen after its end',
    file: 'work/limits/judge.ts',
    from: 'isFirst ? account.total : account.totalBefore',
    to: 'account.total',
  },
  {
    name: 'owe nothing',
    file: 'ledger/turn-periods.ts',
    from: 'carried: carryOver({ used, allowance }, rule)',
    to: 'carried: 0n',
  },
  {
    name: 'count a grant twice',
    file: 'store/limits/grants.ts',
    from: 'await addToPeriod(tx, grant.periodId, grant.bytes)\n  return toGrant(row)',
    to: 'await addToPeriod(tx, grant.periodId, 2n * grant.bytes)\n  return toGrant(row)',
  },
  {
    name: 'keep what a revoked grant has added',
    file: 'store/limits/grants.ts',
    from: 'await addToPeriod(tx, grant.periodId, -grant.bytes)',
    to: '',
  },
  {
    name: 'announce again what was recorded before',
    file: 'store/limits/crossings.ts',
    from: 'from seen join recorded',
    to: 'from seen left join recorded',
  },
  {
    name: 'announce the end of the validity each time',
    file: 'work/limits/judge.ts',
    from: 'limit.warnAt, isOver && limit.expiredAt === null)',
    to: 'limit.warnAt, isOver)',
  },
  {
    name: 'go on holding when the limit is removed',
    file: 'work/limits/set-limit.ts',
    from: 'await saveLimitReasons(tx, [{ adminId, reasons: [] }], at)',
    to: '',
  },
  {
    name: "forget the operator's hold when a limit is judged",
    file: 'store/holds/holds.ts',
    from: "case when 'operator' = any(hold.reasons) then 'operator' end], null)",
    to: 'null], null)',
  },
  {
    name: 'leave who waits for a first connection',
    file: 'work/holding/hold-users.ts',
    from: "['active', 'on_hold'] as const",
    to: "['active'] as const",
  },
  {
    name: 'forget for how long who waits may be served',
    file: 'work/holding/release-users.ts',
    from: '{ status, onHoldDuration, onHoldTimeout } : { status }',
    to: '{ status, onHoldDuration: null, onHoldTimeout } : { status }',
  },
  {
    name: 'give back everybody as active',
    file: 'work/holding/release-users.ts',
    from: "return status === 'on_hold' ? { status, onHoldDuration, onHoldTimeout } : { status }",
    to: "return { status: 'active', onHoldDuration, onHoldTimeout, was: status }",
  },
  {
    name: 'give back who was disabled by its caller',
    file: 'store/holds/held-users.ts',
    from: "state = case when ended_at is null then 'kept' else state end,\n      ended_at = coalesce(ended_at, clock_timestamp())",
    to: 'error = null',
  },
  {
    name: 'take for held whoever has the name',
    file: 'work/holding/release-users.ts',
    from: 'return isSameCreation(row.createdAt, user.createdAt)',
    to: 'return isSameCreation(row.createdAt, row.createdAt) || user === null',
  },
  {
    name: 'skip what was planned before a restart',
    file: 'store/holds/held-users.ts',
    from: "held.state = 'planned' or not exists",
    to: 'not exists',
  },
  {
    name: 'forget a request to disable that may come late',
    file: 'store/holds/held-users.ts',
    from: "is_unclear: sql<boolean>`is_unclear or state = 'planned'`",
    to: 'is_unclear: sql<boolean>`is_unclear`',
  },
  {
    name: 'forget the first of two requests to disable',
    file: 'store/holds/held-users.ts',
    from: "is_unclear = held_users.is_unclear or held_users.state = 'planned',",
    to: '',
  },
  {
    name: 'forget who was given back while it was being disabled',
    file: 'work/holding/hold-users.ts',
    from: 'if (!(await noteHeld(db, row))) await lookLater(db, row, { afterMs: 0, isUnclear: true })',
    to: 'await noteHeld(db, row)',
  },
  {
    name: 'look at nobody once more',
    file: 'work/holding/look-again.ts',
    from: 'for (const row of await listDueLooks(deps.db, adminId)) {',
    to: 'for (const row of (await listDueLooks(deps.db, adminId)).splice(0, 0)) {',
  },
  {
    name: 'plan to disable users of an account that was released',
    file: 'store/holds/held-users.ts',
    from: " and reasons <> '{}' for share",
    to: ' for share',
  },
  {
    name: 'ask the panel first, and plan then',
    file: 'work/holding/hold-users.ts',
    from: "const row = await planHeld(db, hold.adminId, user)\n  if (!row) return 'lifted'\n  const { verdict, error } = await panel.setService(user, { status: 'disabled' })",
    to: "const { verdict, error } = await panel.setService(user, { status: 'disabled' })\n  const row = await planHeld(db, hold.adminId, user)\n  if (!row) return 'lifted'",
  },
]
