import type { Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { LedgerError } from '../errors.ts'

/** The statuses a Marzban user can have. */
export const userStatuses = ['active', 'disabled', 'limited', 'expired', 'on_hold'] as const
export type UserStatus = (typeof userStatuses)[number]

/** An item of an answer that the ledger cannot use; the others of the answer are not touched by it. */
export type UnreadableItem = {
  kind: 'user' | 'admin'
  /** As the panel writes it, which may be what no database holds; null: it has none. */
  name: string | null
  /** Its place in the answer, from 0. */
  index: number
  /** What is wrong with it. Repeats no value. */
  reason: string
}

/** An admin as the panel reports it. */
export type PanelAdmin = {
  username: string
  isSudo: boolean
  /** Bytes; null when the panel keeps none: Marzban before 0.8, or the sudo account of the panel's environment. */
  usersUsage: bigint | null
  /** Why the counter that the panel keeps cannot be used, and is null here; left out: it can. */
  oddUsage?: string
}

/** A user as the panel reports it: the fields the ledger uses. */
export type PanelUser = {
  username: string
  /** Naive UTC with microseconds, normalised to `YYYY-MM-DD HH:MM:SS.ffffff`; never a JavaScript Date. */
  createdAt: string
  /** One of {@link userStatuses}, as far as is known; or another text, of the panel's or `unknown`. */
  status: string
  /** Bytes. */
  lifetimeUsedTraffic: bigint
  /** Bytes; null: unlimited. */
  dataLimit: bigint | null
  /** Unix seconds; null: never. */
  expire: bigint | null
  owner: PanelAdmin | null
  /** When the panel said this: milliseconds since 1970 by its own clock, to the second; null: it does not tell the time. */
  toldAt: number | null
}

/** A user that the panel has and that cannot be counted. */
export type UnreadableUser = {
  /** Why: `user_unreadable`. */
  unreadable: LedgerError
  /** As {@link PanelUser.createdAt}; null: that cannot be read either. */
  createdAt: string | null
}

/** Users that can be used, those that cannot, and how many the panel has in all. */
export type PanelUserPage = { users: PanelUser[]; total: number; unreadable: UnreadableItem[] }

/** Which users to list: those of exactly this admin, or all. */
export type UserFilter = { admin?: string; usernames?: readonly string[] }

/**
 * Panel calls on behalf of the configured sudo account, or, where a `token` is given, with that caller's rights.
 *
 * Every call fails with a `LedgerError` of a `panel_` code, whose message is safe to show and to log. A call that only
 * reads is tried up to three times when there is no connection, when a proxy answers 502, 503 or 504, and when the panel
 * answers 500, as it does while what it is about to list is being deleted.
 */
export type PanelClient = {
  /** `GET /api/admin` with the caller's own token. Throws `panel_unauthorized` when the panel does not know it. */
  whoami(token: string): Promise<PanelAdmin>
  /** `GET /api/admin` with the configured account. */
  account(): Promise<PanelAdmin>
  /**
   * `GET /api/admins`: all admins, or those whose name contains `username`, in any case. Who has a name that no database
   * holds is left out.
   */
  admins(filter?: { username: string }): Promise<PanelAdmin[]>
  /** `GET /api/admins`: all admins, and those that cannot be used, or whose counter cannot. */
  adminList(): Promise<{ admins: PanelAdmin[]; unreadable: UnreadableItem[] }>
  /**
   * `GET /api/users`, oldest first, those of the same second by name; `usernames` by exact names. A page has `users.length + unreadable.length` items.
   *
   * @throws {@link UnusableAnswer} when the page is of no use as a whole; a smaller one may be.
   */
  users(
    page: UserFilter & { offset: number; limit: number },
    options?: { token?: string; once?: boolean },
  ): Promise<PanelUserPage>
  /** How many users the panel lists, without listing any: none of them can spoil the answer. */
  countUsers(filter: UserFilter, options?: { token?: string }): Promise<number>
  /**
   * `GET /api/user/{username}`; null when the panel itself says that there is no such user. Any other 404 (a proxy's, or
   * one of a path the panel does not have) proves nothing and is a `panel_bad_answer`.
   *
   * @throws `invalid_request` for a name that no path can carry, such as `..` or `a/b`; `user_unreadable` when the panel
   *   answers and the ledger cannot use what it says: the lifetime, creation or owner is odd or missing, the answer is larger
   *   than is taken; or when it answers 500 again and again, and other questions well. Only the former prove that the panel
   *   has the user.
   */
  user(username: string, options?: { token?: string; freshConnection?: boolean }): Promise<PanelUser | null>
  /** As {@link PanelClient.user}; instead of throwing `user_unreadable`, it returns what can be read of the user. */
  lookAtUser(
    username: string,
    options?: { token?: string; freshConnection?: boolean },
  ): Promise<PanelUser | UnreadableUser | null>
  /**
   * All admins that the panel may take `username` for, whatever database it has: the one of exactly this name, and those
   * that differ in case, accents or spaces at the end. Characters that the panel's own filter misunderstands do no harm.
   */
  adminsNamed(username: string): Promise<PanelAdmin[]>
  /** Whether the panel has an admin of exactly this name. Either answer is proven: by its own 404, or by its whole list. */
  hasAdmin(username: string): Promise<boolean>
  /** Marzban's version, such as `0.8.4`. */
  release(options?: { token?: string }): Promise<string>
  /**
   * `DELETE /api/user/{username}`, sent once, over a connection of its own. It does not fail: whatever comes of it is a
   * {@link DeletionReply}. Where that is unclear, ask {@link PanelClient.user}.
   *
   * @throws `invalid_request` as {@link PanelClient.user}.
   */
  deleteUser(username: string, options?: { token?: string }): Promise<DeletionReply>
  /** `DELETE /api/admin/{username}`, likewise; its users stay, without an owner. */
  deleteAdmin(username: string): Promise<DeletionReply>
  /** Ends all connections. Calls under way fail, and so do later ones. */
  close(): Promise<void>
}

/** What came of a request to delete a user or an admin. */
export type DeletionReply = {
  /**
   * - `done`: the panel says that it has deleted it.
   * - `missing`: the panel says that it has none of this name.
   * - `refused`: the panel says that it has done nothing.
   * - `unsent`: the request has not left this service.
   * - `unclear`: no answer came, or one that is not the panel's: it may have acted, may still act, or never will.
   */
  verdict: 'done' | 'missing' | 'refused' | 'unsent' | 'unclear'
  /** Why it is not done; null: it is. */
  error: LedgerError | null
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

/** A request that is passed on as it came. */
export type PassedOn = {
  method: string
  /** Path and query, encoded. */
  target: string
  headers: Record<string, string | string[]>
  body: Buffer | null
}

/** The panel's answer to it, still coming in: who takes it reads the body to its end or destroys it. */
export type OpenAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Readable
}

/** A WebSocket that a client wants to the panel. */
export type SocketToOpen = {
  /** Path and query, encoded. */
  target: string
  headers: Record<string, string | string[]>
  protocols: string[]
}

/** Sends callers' requests to the panel. */
export type Forwarder = {
  /** Where the panel is, as of {@link parsePanelAddress}. */
  origin: string
  basePath: string
  /**
   * Sends a request once and waits for the whole answer.
   *
   * @throws `panel_unreachable`, `panel_timeout`, `panel_bad_answer`: the panel may have acted or not. `overloaded`: no
   *   connection was free in time, and nothing was sent.
   */
  forward(request: Forwarded): Promise<ForwardedAnswer>
  /**
   * Sends a request, what only reads once more if there was no answer, and resolves as soon as the answer begins.
   *
   * @param signal ends the exchange as long as the answer has not begun.
   * @throws as {@link Forwarder.forward}.
   */
  open(request: PassedOn, signal: AbortSignal): Promise<OpenAnswer>
  /** Begins to open a WebSocket. It never emits an error that nobody listens to; however it fails, it closes. */
  openSocket(request: SocketToOpen): WebSocket
  close(): Promise<void>
}
