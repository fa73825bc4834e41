import { LedgerError } from '../../src/errors.ts'
import type { PanelAdmin, PanelClient, PanelUser } from '../../src/panel/types.ts'

/** A panel in memory, for tests of what happens in front of it: its answers can be held back, counted, or made to fail. */
export type TestPanel = PanelClient & {
  readonly knownAdmins: Map<string, PanelAdmin>
  /** Which admin a token belongs to. */
  readonly tokens: Map<string, string>
  /** Every call made so far, by name. */
  readonly calls: string[]
  /** Makes every call fail from now on; null: they are answered again. */
  failWith(error: LedgerError | null): void
  /** Lets calls wait until the function given back is called. */
  hold(): () => void
}

/** A panel with these admins; each one's token is `token-of-<username>`. */
export function createTestPanel(admins: readonly PanelAdmin[]): TestPanel {
  const byName = new Map(admins.map((admin) => [admin.username, admin]))
  const tokens = new Map(admins.map(({ username }) => [`token-of-${username}`, username]))
  const calls: string[] = []
  let failure: LedgerError | null = null
  let gate: Promise<void> = Promise.resolve()

  const answer = async <T>(call: string, result: () => T): Promise<T> => {
    calls.push(call)
    await gate
    if (failure) throw failure
    return result()
  }
  const unused = () => Promise.reject(new Error('not a call of the HTTP side'))

  return {
    knownAdmins: byName,
    tokens,
    calls,
    failWith: (error) => {
      failure = error
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return resolve
    },
    whoami: (token) =>
      answer('whoami', () => {
        const admin = byName.get(tokens.get(token) ?? '')
        if (!admin) throw new LedgerError('panel_unauthorized', 'Could not validate credentials')
        return admin
      }),
    admins: (filter) =>
      answer('admins', () =>
        [...byName.values()].filter(({ username }) => username.includes(filter?.username ?? '')),
      ),
    account: unused,
    users: unused,
    user: unused,
    deleteUser: unused,
    deleteAdmin: unused,
    close: async () => {},
  }
}

/** A user as the panel lists it. */
export function panelUser(
  username: string,
  owner: PanelAdmin | null,
  more: Partial<PanelUser> = {},
): PanelUser {
  return {
    username,
    createdAt: '2026-11-22 10:32:39.350617',
    status: 'active',
    lifetimeUsedTraffic: 0n,
    dataLimit: null,
    expire: null,
    owner,
    ...more,
  }
}
