import { sql } from 'kysely'
import { beforeEach } from 'vitest'
import type { HoldFigures } from '../../src/store/holds/hold-figures.ts'
import { enforceHold } from '../../src/work/holding/enforce-hold.ts'
import type { HoldingDeps } from '../../src/work/holding/holding.ts'
import { createHolds, type Holds } from '../../src/work/holding/operator-hold.ts'
import { createLimits, type Limits } from '../../src/work/limits/limits.ts'
import type { NewUser, User } from '../stand-in/records.ts'
import { type Deleting, graceMs, pollAndScan, useDeleting } from './deleting.ts'
import { accountOf } from './ledger.ts'
import { limitOf } from './limits.ts'

/** Two admins in the panel, ada and bob, whose accounts are read and can be held. */
export type Holding = Deleting & {
  limits: Limits
  holds: Holds
  /** The accounts. */
  ada: bigint
  bob: bigint
  deps: HoldingDeps
  /** Does what the hold of an account asks for: of ada's unless another is given. */
  enforce(adminId?: bigint): Promise<void>
  hold(adminId?: bigint): Promise<void>
  lift(adminId?: bigint): Promise<void>
  figures(username?: string): Promise<HoldFigures | null>
  create(username: string, options?: NewUser): User
  /** `status` of each of these users. */
  statuses(...usernames: string[]): string[]
  /** What stands of the users that were held, by name. */
  rows(): Promise<string[]>
}

/** For each test of the file that calls this. */
export function useHolding(): Holding {
  const base = useDeleting()
  const holding = Object.assign(base, {
    enforce: (adminId = holding.ada) => enforceHold(holding.deps, adminId),
    hold: async (adminId = holding.ada) =>
      void (await holding.holds.place(adminId, { reason: 'unpaid', by: 'api_key' })),
    lift: (adminId = holding.ada) => holding.holds.lift(adminId, 'api_key'),
    figures: async (username = 'ada') => (await accountOf(base.db, username)).hold,
    create: (username: string, options: NewUser = {}) =>
      base.panel.state.createUser(username, { admin: 'ada', ...options }),
    statuses: (...usernames: string[]) => usernames.map((name) => base.panel.state.mustFind(name).status),
    rows: async () => {
      const rows = await base.db.selectFrom('held_users').selectAll().orderBy('id').execute()
      return rows.map(({ username, state }) => `${username} ${state}`)
    },
  }) as Holding
  beforeEach(async () => {
    await sql`truncate held_users, holds, events, limits, limit_periods, limit_grants, limit_crossings`.execute(
      base.db,
    )
    await sql`update admins set closed_at = clock_timestamp() where closed_at is null`.execute(base.db)
    for (const name of ['ada', 'bob']) base.panel.state.createAdmin(name)
    await pollAndScan(base)
    holding.ada = (await accountOf(base.db, 'ada')).id
    holding.bob = (await accountOf(base.db, 'bob')).id
    holding.limits = createLimits(base)
    holding.holds = createHolds(base)
    holding.deps = { db: base.db, panel: base.client, graceMs, signal: new AbortController().signal }
  })
  return holding
}

/** Ada uses her limit of 1,000 bytes, which disables her users. */
export async function useUp(holding: Holding, username: string): Promise<void> {
  await pollAndScan(holding)
  await holding.limits.set(holding.ada, limitOf(1_000n, { onExceed: 'disable_users' }))
  holding.panel.state.accrue(username, 1_000n)
  await pollAndScan(holding)
}

/** Users that were given back come up to be looked at once more. */
export async function passLook({ db }: Pick<Holding, 'db'>): Promise<void> {
  await sql`update held_users set look_at = clock_timestamp() where look_at is not null`.execute(db)
  await sql`update holds set since = since - interval '1 day'`.execute(db)
}

/** Moves a user behind the service's back; the next scans see it. */
export async function moveUserInPanel(
  holding: Holding,
  username: string,
  admin: string | null,
): Promise<void> {
  holding.panel.state.setOwner(username, admin)
  await pollAndScan(holding)
}

/**
 * A hold disables a user just when another replica has given all back.
 *
 * @param meanwhile what else happens before the panel acts.
 */
export async function disableTooLate(
  holding: Holding,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const { enforce, lift } = holding
  await holding.hold()
  const before = async () => {
    await lift()
    await enforce()
    await meanwhile()
  }
  holding.panel.faults.add({ method: 'PUT', kind: 'hook', times: 1, before })
  await enforce()
}
