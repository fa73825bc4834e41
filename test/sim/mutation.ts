/** Text of one file of `src`, and what stands there instead. */
export type Edit = { file: string; from: string; to: string }

/** A deliberate mistake in the ledger: one edit, or several that make it together. */
export type Mutation = { name: string } & Edit & { also?: readonly Edit[] }
