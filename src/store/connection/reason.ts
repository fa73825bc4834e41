/** Why something failed or waits: a code for programs, a sentence for people. */
export type Reason = { code: string; message: string }

/** A reason as its two columns hold it: both, or neither. */
export function toReason(code: string | null, message: string | null): Reason | null {
  return code === null || message === null ? null : { code, message }
}
