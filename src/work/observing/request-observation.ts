import type { Database } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import { writeOutbox } from '../../store/outbox/outbox.ts'

/** Has users read from the panel soon, durably. A user that the panel does not have is found gone. */
export async function requestObservation(db: Database, usernames: readonly string[]): Promise<void> {
  if (usernames.length === 0) return
  await transact(db, (tx) => writeOutbox(tx, { kind: 'observation', usernames: [...new Set(usernames)] }))
}
