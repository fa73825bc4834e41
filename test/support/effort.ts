/** Whether tests are run that take half a minute, and whose kind a shorter test shows too: a newcomer need not wait for them. */
export const runsLongTests = Boolean(process.env.CI)

/**
 * How much of a long test is run. A newcomer waits for the result, CI can take longer, and the environment variable `name`
 * asks for any other amount, for instance a night's.
 */
export function effort(name: string, amount: { newcomer: number; ci: number }): number {
  const asked = process.env[name]
  if (asked !== undefined) return Number(asked)
  return runsLongTests ? amount.ci : amount.newcomer
}
