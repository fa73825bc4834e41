/**
 * How much of a long test is run. A newcomer waits for the result, CI can take longer, and the environment variable `name`
 * asks for any other amount, for instance a night's.
 */
export function effort(name: string, amount: { newcomer: number; ci: number }): number {
  const asked = process.env[name]
  if (asked !== undefined) return Number(asked)
  return process.env.CI ? amount.ci : amount.newcomer
}
