import type { Selectable } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'
import type { DeletionsTable } from '../../src/store/tables.ts'
import type { Journal } from './journal.ts'
import { show } from './rest.ts'
import type { Scene } from './scene.ts'

type Receipt = Selectable<DeletionsTable>

/** What the receipts say is what has become of the users. Resolves with how many there are of each state. */
export async function checkReceipts(
  scene: Scene,
  db: Database,
  journal: Journal,
): Promise<Record<string, number>> {
  const receipts = await db.selectFrom('deletions').selectAll().execute()
  const ofUsers = receipts.filter(({ kind }) => kind === 'user')
  for (const { id, state } of receipts) {
    if (state === 'requested' || state === 'preserved') journal.fault(`receipt ${id} is still ${state}`)
  }
  const living = new Map((await scene.stage.panel.users()).map((user) => [user.username, user]))
  for (const receipt of ofUsers.filter(saysGone)) {
    const user = living.get(receipt.username ?? '')
    if (user && isOf(receipt, user)) {
      journal.fault(`receipt ${receipt.id} calls ${receipt.username} ${receipt.state}, which exists`)
    }
  }
  for (const death of (await scene.stage.panel.deaths()).filter(({ asked }) => asked)) {
    const own = ofUsers.filter((receipt) => receipt.username === death.username)
    const told = own.some((receipt) => saysGone(receipt) && (isOf(receipt, death) || !receipt.created_at))
    if (!told) {
      journal.fault(`no receipt says that ${death.username} of ${death.createdAt} was deleted: ${show(own)}`)
    }
    // An earlier deletion that was given up says so too: the last one has read all.
    const deleted = own.filter((receipt) => isOf(receipt, death) && receipt.state === 'deleted')
    const isRead = deleted.some(({ final_reading }) => (final_reading ?? 0n) >= death.lifetime)
    if (deleted.length > 0 && !isRead && !scene.isCounted(death.owner)) {
      journal.fault(`nobody has read ${death.lifetime} bytes of ${death.username}: ${show(deleted)}`)
    }
  }
  const counts: Record<string, number> = {}
  for (const { state } of receipts) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

function saysGone({ state }: Receipt): boolean {
  return state === 'deleted' || state === 'gone'
}

/** Users are told apart by the time they were created at. */
function isOf(receipt: Receipt, user: { username: string; createdAt: string }): boolean {
  return receipt.username === user.username && receipt.created_at === normalised(user.createdAt)
}

/** The panel leaves out a fraction of zero. */
function normalised(createdAt: string): string {
  const [seconds = '', fraction = ''] = createdAt.replace('T', ' ').split('.')
  return `${seconds}.${fraction.padEnd(6, '0')}`
}
