import type { Dispatcher } from 'undici'

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

/**
 * Panel calls on behalf of the configured sudo account, or, where a `token` is given, with that caller's rights.
 *
 * Every call fails with a `LedgerError` of a `panel_` code, whose message is safe to show and to log. A call that only
 * reads is tried up to three times when there is no connection or a proxy answers 502, 503 or 504.
 */
export type PanelClient = {
  /** `GET /api/admin` with the caller's own token. Throws `panel_unauthorized` when the panel does not know it. */
  whoami(token: string): Promise<PanelAdmin>
  /** `GET /api/admin` with the configured account. */
  account(): Promise<PanelAdmin>
  /** `GET /api/admins`: all admins, or those whose name contains `username`, in any case. */
  admins(filter?: { username: string }): Promise<PanelAdmin[]>
  /**
   * `GET /api/users`, oldest first, those of the same second by name; `admin` filters by exact owner, `usernames` by exact
   * names.
   */
  users(
    page: { admin?: string; usernames?: readonly string[]; offset: number; limit: number },
    options?: { token?: string },
  ): Promise<PanelUserPage>
  /**
   * `GET /api/user/{username}`; null when the panel itself says that there is no such user. Any other 404 (a proxy's, or
   * one of a path the panel does not have) proves nothing and is a `panel_bad_answer`.
   *
   * @throws `invalid_request` for a name that no path can carry, such as `..` or `a/b`.
   */
  user(username: string, options?: { token?: string; freshConnection?: boolean }): Promise<PanelUser | null>
  /**
   * `DELETE /api/user/{username}`, sent once, over a connection of its own; false when the panel itself says that there is
   * no such user. After an error the user may be deleted or not: ask {@link PanelClient.user}.
   *
   * @throws `invalid_request` as {@link PanelClient.user}.
   */
  deleteUser(username: string, options?: { token?: string }): Promise<boolean>
  /** `DELETE /api/admin/{username}`, likewise; its users stay, without an owner. */
  deleteAdmin(username: string): Promise<boolean>
  /** Ends all connections. Calls under way fail, and so do later ones. */
  close(): Promise<void>
}

/** A caller's request, as it is to reach the panel. */
export type Forwarded = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query, encoded. */
  target: string
  headers: Record<string, string | string[]>
  body: Buffer | null
  /** Milliseconds the panel gets to begin its answer; left out: as long as for any other. */
  answerTimeoutMs?: number
}

/** The panel's answer to it. */
export type ForwardedAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** Sends callers' requests to the panel, each once. */
export type Forwarder = {
  /** Where the panel is, as of {@link parsePanelAddress}. */
  origin: string
  basePath: string
  /** @throws `panel_unreachable`, `panel_timeout`, `panel_bad_answer`: the panel may have acted or not. */
  forward(request: Forwarded): Promise<ForwardedAnswer>
  /** The same with bodies streamed, as undici's `Dispatcher.request` with a callback; its errors are those of `forward`. */
  request(
    request: Dispatcher.RequestOptions,
    answered: (error: Error | null, response: Dispatcher.ResponseData) => void,
  ): void
  close(): Promise<void>
}
