import type { Database } from '../../store/connection/database.ts'
import { listSuspicious, type SuspiciousTraffic } from '../../store/outbox/events.ts'

/** Events logged at a time; the database has the rest. */
const loggedAtMost = 20

/**
 * Logs the suspicious traffic that any replica has found since it was last called, or made. To be made before there is work that
 * can find some: what is there already, an earlier process has logged.
 */
export async function createSuspicionLog(
  db: Database,
  log: { warn(fields: object, message: string): void },
): Promise<() => Promise<void>> {
  const list = () => listSuspicious(db, { limit: loggedAtMost })
  // Not by the largest id: smaller ones can be committed later.
  let known = idsOf(await list())
  return async () => {
    const latest = await list()
    const news = latest.filter(({ id }) => !known.has(id))
    known = idsOf(latest)
    for (const event of news.toReversed()) log.warn(fieldsOf(event), messageOf(event))
  }
}

function idsOf(events: readonly SuspiciousTraffic[]): ReadonlySet<bigint> {
  return new Set(events.map(({ id }) => id))
}

function fieldsOf({ id, admin, username, reason, bytes, counters }: SuspiciousTraffic): object {
  return { event: 'traffic.suspicious', id, admin, username, reason, bytes, counters }
}

function messageOf({
  admin,
  username,
  reason,
  bytes,
  readingBefore,
  readingAfter,
}: SuspiciousTraffic): string {
  const whose = username === null ? `admin ${admin}` : `user ${username} of admin ${admin}`
  const why = {
    counter_returned:
      'is back where it was before it fell: a backup of the panel may have been put back and taken away',
    too_fast: 'rose faster than 10 Gbit/s',
    never_booked: "was never seen before and shows more than its admin's counter grew by",
  }[reason]
  return `${bytes} bytes were counted that look wrong: the counter of ${whose} went from ${readingBefore} to ${readingAfter} and ${why}`
}
