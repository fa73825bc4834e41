import { limitMutations } from './limit-mutations.ts'

/** A deliberate mistake in the ledger: text of one file of `src`, and what stands there instead. */
export type Mutation = { name: string; file: string; from: string; to: string }

/** Mistakes of the kind that would cost somebody bytes, or service; the simulator has to find each of them. */
export const mutations: readonly Mutation[] = [
  {
    name: 'count the drop',
    file: 'ledger/counter.ts',
    from: 'value > counter.reading ? value - counter.reading : 0n',
    to: 'value > counter.reading ? value - counter.reading : counter.reading - value',
  },
  { name: 'skip the clock', file: 'ledger/counter.ts', from: 'return asked > answered', to: 'return true' },
  {
    name: 'ignore the lag',
    file: 'ledger/account.ts',
    from: 'snapshot !== null && lagHasPassed',
    to: 'snapshot !== null',
  },
  {
    name: 'add on delete',
    file: 'ledger/tenure.ts',
    from: 'endedBy: by, answered, resetPending: false }',
    to: 'endedBy: by, answered, resetPending: false, counted: tenure.counted + tenure.reading }',
  },
  {
    name: 'forget the offset',
    file: 'ledger/account.ts',
    from: 'max(account.panelOffset, snapshot.value + account.usersOffset - next.counted)',
    to: '0n',
  },
  {
    name: 'believe a reset',
    file: 'ledger/tenure.ts',
    from: 'own.resetPending && lifetime < own.reading ?',
    to: 'own.resetPending ?',
  },
  {
    name: 'take every fall for a reset',
    file: 'ledger/tenure.ts',
    from: 'own.resetPending && lifetime < own.reading ?',
    to: 'lifetime < own.reading ?',
  },
  {
    name: "count a moved user's past",
    file: 'ledger/tenure.ts',
    from: 'if (same.length === 0) return lifetime',
    to: 'if (same.every(({ adminId }) => adminId !== seen.adminId)) return lifetime',
  },
  {
    name: 'late panel reading',
    file: 'ledger/account.ts',
    from: 'panelBefore.panelCounted + account.panelOffset - account.usersCounted',
    to: 'account.panelCounted + account.panelOffset - account.usersCounted',
  },
  {
    name: 'late first sight',
    file: 'ledger/tenure.ts',
    from: '!isLater(asked, scanned(change.after.adminId))',
    to: 'asked < 0n',
  },
  {
    name: 'no users_offset cap',
    file: 'ledger/account.ts',
    from: 'max(0n, account.usersOffset - effect.appeared)',
    to: 'account.usersOffset',
  },
  {
    name: 'forget what users do not show',
    file: 'ledger/account.ts',
    from: 'panelBefore.panelCounted + account.panelOffset - account.usersCounted',
    to: '0n',
  },
  {
    name: 'let an odd user spoil its page',
    file: 'panel/marzban/decode.ts',
    from: 'if (!(error instanceof Odd)) throw error\n      const name',
    to: 'throw error\n      const name',
  },
  {
    name: 'read strictly what is only shown',
    file: 'panel/marzban/decode.ts',
    from: 'expire: countOrNull(answer.expire),',
    to: 'expire: Number(answer.expire ?? 0) < 0 ? nameOf(null) && null : null,',
  },
  {
    name: 'pass over a page that fails',
    file: 'work/observing/page-plan.ts',
    from: 'if (limit > 1 && failures <= failuresSearched) {',
    to: 'if (limit > 1 && failures < 0) {',
  },
  {
    name: 'let JavaScript round',
    file: 'panel/transport/exact-json.ts',
    from: 'mayBeRounded.test(text) ?',
    to: 'text === null ?',
  },
  {
    name: 'take for gone who cannot be read',
    file: 'work/observing/read-users-by-name.ts',
    from: "if (!isLedgerError(error, 'user_unreadable')) throw error",
    to: "if (!isLedgerError(error, 'user_unreadable')) throw error\n    await observeGone(db, asked, username)",
  },
  {
    name: 'believe any 200',
    file: 'panel/marzban/deletion-forms.ts',
    from: 'answer.status === 200 && (saysNothing(json) || words[of].done.Check(json))',
    to: 'answer.status === 200',
  },
  {
    name: 'believe any 404',
    file: 'panel/marzban/deletion-forms.ts',
    from: 'answer.status === 404 && words[of].missing.Check(json)',
    to: 'answer.status === 404',
  },
  {
    name: 'believe any refusal',
    file: 'panel/marzban/success-forms.ts',
    from: 'return detailAnswer.Check(json) || invalidAnswer.Check(json)',
    to: 'return refusals.has(answer.status)',
  },
  {
    name: 'call an admin deleted of whom nobody said so',
    file: 'work/deleting/admin-deletion.ts',
    from: "return (await panel.hasAdmin(username)) ? 'unknown' : 'deleted'",
    to: "return 'deleted'",
  },
  {
    name: 'pass the deletion of an admin on whom nobody found',
    file: 'work/front/delete-admin.ts',
    from: 'const { meant: admin } = await work.panel.adminNamed(username)\n  if (!admin) return work.api.noSuchAdmin',
    to: 'const { exact: admin } = await work.panel.adminNamed(username)\n  if (!admin) return work.forwarder.forward(request.request)',
  },
  {
    name: 'pass the reset of an admin on whom nobody found',
    file: 'work/front/reset-usage.ts',
    from: "if (same.length === 0) return askPanelToRefuse(work, request, { kind: 'reset admin usage', username })",
    to: 'same.splice(0, same.length, ...same.filter((admin) => admin.username === username))',
  },
  {
    name: 'send a deletion again while the panel may carry out the first',
    file: 'work/deleting/claim.ts',
    from: 'if (other.grace > 0) return',
    to: 'if (other.grace < 0) return',
  },
  {
    name: 'take over at once from a service that is gone',
    file: 'work/deleting/claim.ts',
    from: "if (other.state !== 'unknown') {",
    to: 'if (other.id < 0n) {',
  },
  {
    name: 'call not deleted who is still there',
    file: 'work/deleting/outcome.ts',
    from: "return isGraceOver ? 'still there' : 'unknown'",
    to: "return 'still there'",
  },
  {
    name: 'leave it at a failure that the panel has mended late',
    file: 'store/deletions/unsettled-deletions.ts',
    from: "state in ('unknown', 'failed')",
    to: "state in ('unknown')",
  },
  {
    name: 'take an answer that says nothing for a refusal',
    file: 'work/deleting/outcome.ts',
    from: "case 'unclear':\n      return null",
    to: "case 'unclear':\n      return 'refused'",
  },
  ...limitMutations,
]
