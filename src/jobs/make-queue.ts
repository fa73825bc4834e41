import type { PgBoss, Queue } from 'pg-boss'

/**
 * Makes a queue. One that an earlier version has made gets the options of this version: pg-boss itself leaves a queue alone that
 * exists. Jobs that are waiting keep theirs.
 */
export async function makeQueue(boss: PgBoss, name: string, options: Omit<Queue, 'name'>): Promise<void> {
  const { policy = 'standard', ...others } = options
  const before = await boss.getQueue(name)
  if (before?.policy === policy) {
    const isSame = Object.entries(others).every(
      ([key, value]) => before[key as keyof typeof before] === value,
    )
    if (!isSame) await boss.updateQueue(name, others)
    return
  }
  // No policy can be changed. The jobs go with the queue: what they are to do stands in the ledger, and is sent again.
  if (before) await boss.deleteQueue(name)
  await boss.createQueue(name, options)
}
