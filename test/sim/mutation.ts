/** A deliberate mistake in the ledger: text of one file of `src`, and what stands there instead. */
export type Mutation = { name: string; file: string; from: string; to: string }
