import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'
import { claim } from './books.ts'
import type { Samples, VirtualPanel } from './panel.ts'

type Receipt = {
  id: string
  kind: string
  parent: string | null
  username: string | null
  createdAt: string | null
  state: string
  code: string | null
  isFinished: boolean
  preserveTraffic: boolean
  finalReading: bigint | null
  admin: string | null
}

/** All receipts, as the database has them now. */
export async function readReceipts(db: Database): Promise<Receipt[]> {
  const { rows } = await sql<Receipt>`
    select deletions.id::text, kind, parent_id::text as parent, deletions.username, created_at as "createdAt", state, error_code as code,
      finished_at is not null as "isFinished", preserve_traffic as "preserveTraffic",
      final_reading as "finalReading", admins.username as admin
    from deletions left join admins on admins.id = admin_id
    order by deletions.id`.execute(db)
  return rows
}

/** What the operation was given, and how often work of any operation has been interrupted so far. */
type Observed = { samples: Samples; interruptions: number }

/** What receipts say, held against what became of the users. */
export class Receipts {
  private states = new Map<string, string>()
  /** How often work had been interrupted when each receipt was seen first. */
  private interruptions = new Map<string, number>()
  private readonly panel: VirtualPanel

  constructor(panel: VirtualPanel) {
    this.panel = panel
  }

  /** The ledger knows only these any more. */
  forget(receipts: readonly Receipt[]): void {
    this.states = new Map(receipts.map(({ id, state }) => [id, state]))
  }

  /** After a transaction of the operation `by`, which was given `samples`: who is called not deleted was there. */
  observe(receipts: readonly Receipt[], by: string, { samples, interruptions }: Observed): void {
    for (const { id, kind, parent, state, code, username, createdAt } of receipts) {
      const isNews = this.states.get(id) !== state
      this.states.set(id, state)
      const before = this.interruptions.get(id) ?? interruptions
      this.interruptions.set(id, before)
      // Whoever takes a place over settles the user that was being deleted there, also while that goes on.
      claim(
        code !== 'interrupted' || interruptions > before || parent !== null,
        `receipt ${id} says that it was interrupted, and nothing was`,
      )
      if (!isNews || kind !== 'user' || createdAt === null || this.panel.hasRestored) continue
      const isThere = this.panel.users.get(username ?? '')?.createdAt === createdAt
      if (state === 'deleted') claim(!isThere, `a receipt calls ${username} deleted, which exists`)
      // Of a user that cannot be read, a receipt does not say what became of it.
      if (state !== 'failed' || code === 'user_unreadable') continue
      const wasTold = samples.users.some(({ user }) => user.createdAt === createdAt)
      const wasThere = isThere || (wasTold && this.panel.deleted.get(createdAt)?.by !== by)
      claim(wasThere, `a receipt says that ${username} was not deleted, which is gone`)
    }
  }

  /** When the panel does nothing late any more, and everybody was looked for. */
  atRest(receipts: readonly Receipt[]): void {
    const { panel } = this
    const unreadable = panel.unreadable()
    const open = receipts.filter(({ isFinished }) => !isFinished)
    // Who cannot be read keeps its own deletion waiting, and the bulk deletion that it is part of.
    const mayWait = new Set(
      open.flatMap(({ id, username, parent }) =>
        unreadable.some(({ name }) => name === username) ? [id, parent] : [],
      ),
    )
    const left = open.filter(
      ({ id, kind }) => !mayWait.has(id) && (kind === 'user' || unreadable.length === 0),
    )
    claim(
      left.length === 0,
      `${left.length} deletions have not ended: ${left.map(({ username, kind }) => username ?? kind)}`,
    )
    if (panel.hasRestored) return
    for (const [createdAt, { owner }] of panel.deleted) {
      // Nobody looks for users without an owner.
      if (owner === null || !panel.usage.has(owner)) continue
      const own = receipts.filter((receipt) => receipt.kind === 'user' && receipt.createdAt === createdAt)
      const isTold =
        own.length === 0 || own.some(({ state, isFinished }) => state === 'deleted' || !isFinished)
      claim(isTold, `the panel has deleted ${own[0]?.username} as it was told, and no receipt says so`)
    }
  }
}
