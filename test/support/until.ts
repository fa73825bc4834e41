import { setTimeout } from 'node:timers/promises'

/** A replica that was killed is missed after some 20 seconds; a busy machine is given more. */
const usualPatienceMs = 180_000

/** Resolves when `holds` does; asks again and again. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  patienceMs = usualPatienceMs,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`in vain waited until ${what}`)
    await setTimeout(50)
  }
}
