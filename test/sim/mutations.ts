/** A deliberate mistake in the ledger: text of one file of `src`, and what stands there instead. */
export type Mutation = { name: string; file: string; from: string; to: string }

/** Mistakes of the kind that would cost somebody bytes; the simulator has to find each of them. */
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
    from: 'max(account.panelOffset, snapshot.value - next.counted)',
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
    from: 'own?.counted ?? (firstSight ? lifetime : 0n)',
    to: 'own?.counted ?? lifetime',
  },
]
