import { expect, test } from 'vitest'
import { recordSuspicions } from '../../../src/store/outbox/events.ts'
import { createSuspicionLog } from '../../../src/work/collecting/suspicion-log.ts'
import { useLedger } from '../../support/ledger.ts'
import { createAccount } from '../../support/limits.ts'

const ledger = useLedger()

/** The names of the admins in the lines that were logged. */
function createLines() {
  const admins: string[] = []
  const log = { warn: (fields: object) => void admins.push((fields as { admin: string }).admin) }
  return { admins, log }
}

async function begin(username: string) {
  const adminId = await createAccount(ledger.db, username)
  const tx = await ledger.db.startTransaction().execute()
  const fell = { reason: 'counter_returned', username: null, bytes: 9n, before: 1n, after: 10n } as const
  await recordSuspicions(tx, [{ ...fell, adminId }])
  // The event is written with it, and has its id.
  await tx.selectFrom('events').select('id').limit(1).execute()
  return tx
}

test('each event is logged once, also one that is committed after another that was written later', async () => {
  const { admins, log } = createLines()
  await (await begin('before')).commit().execute()
  const note = await createSuspicionLog(ledger.db, log)
  const slow = await begin('slow')
  await (await begin('quick')).commit().execute()
  await note()
  expect(admins).toEqual(['quick'])
  await slow.commit().execute()
  await note()
  await note()
  expect(admins).toEqual(['quick', 'slow'])
})
