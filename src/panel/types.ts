/** The statuses a Marzban user can have. */
export const userStatuses = ['active', 'disabled', 'limited', 'expired', 'on_hold'] as const
export type UserStatus = (typeof userStatuses)[number]

/** An admin as the panel reports it. */
export type PanelAdmin = {
  username: string
  isSudo: boolean
  /** Bytes; null when the panel keeps none: Marzban before 0.8, or the sudo account of the panel's environment. */
  usersUsage: bigint | null
}

/** A user as the panel reports it: the fields the ledger uses. */
export type PanelUser = {
  username: string
  /** Naive UTC with microseconds, normalised to `YYYY-MM-DD HH:MM:SS.ffffff`; never a JavaScript Date. */
  createdAt: string
  status: UserStatus
  /** Bytes. */
  lifetimeUsedTraffic: bigint
  /** Bytes; null: unlimited. */
  dataLimit: bigint | null
  /** Unix seconds; null: never. */
  expire: bigint | null
  owner: PanelAdmin | null
}

export type PanelUserPage = { users: PanelUser[]; total: number }

/** Panel calls on behalf of the configured sudo account, or, where a `token` is given, with that caller's rights. */
export type PanelClient = {
  /** `GET /api/admin` with the caller's own token. Throws `panel_unauthorized` when the panel does not know it. */
  whoami(token: string): Promise<PanelAdmin>
  /** `GET /api/admin` with the configured account. */
  account(): Promise<PanelAdmin>
  /** `GET /api/admins`: all admins, or those whose name contains `username`. */
  admins(filter?: { username: string }): Promise<PanelAdmin[]>
  /** `GET /api/users`, oldest first; `admin` filters by exact owner. */
  users(page: { admin?: string; offset: number; limit: number }): Promise<PanelUserPage>
  /** `GET /api/user/{username}`; null when the panel answers 404. */
  user(username: string, options?: { token?: string; freshConnection?: boolean }): Promise<PanelUser | null>
  /** `DELETE /api/user/{username}`, once, never retried; false when the panel answers 404. */
  deleteUser(username: string, options?: { token?: string }): Promise<boolean>
  /** `DELETE /api/admin/{username}`, once, never retried; false when the panel answers 404. */
  deleteAdmin(username: string): Promise<boolean>
  close(): Promise<void>
}
