import type { Fall } from '../../ledger/counter.ts'

/** A counter's fall as its two columns hold it: both, or neither. */
export function toFall(from: bigint | null, to: bigint | null): Fall | null {
  return from === null || to === null ? null : { from, to }
}
