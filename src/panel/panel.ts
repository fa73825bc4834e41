/** What the service needs of any panel, in our words. What one kind of panel does stands in a folder of its own. */
import type { Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { LedgerError } from '../errors.ts'

/** The statuses that a user of the panel can have. */
export const userStatuses = ['active', 'disabled', 'limited', 'expired', 'on_hold'] as const
export type UserStatus = (typeof userStatuses)[number]

/** Characters of a user's name about which a panel can be asked, in a path or in a list of names, however they are written there. */
export const longestAskedFor = 1_000

/** An item of an answer that the ledger cannot use. The other items of the answer stay usable. */
export type UnreadableItem = {
  kind: 'user' | 'admin'
  /** As the panel writes it, perhaps a text that no database holds; null: it has none. */
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
  /** Bytes; null: the panel keeps no counter for this admin. */
  usersUsage: bigint | null
  /** Why the ledger cannot use the panel's counter, which is null here; left out: it can. */
  oddUsage?: string
}

/** The admins that the panel may take a name for. */
export type NamedAdmins = {
  /** The admin of exactly this name. */
  exact: PanelAdmin | null
  /** All admins that the panel may treat as this one, `exact` included. */
  same: PanelAdmin[]
  /**
   * The admin that the panel means: `exact`, or the only one in `same`. A panel that lists several such names tells them
   * apart, and has none of this name.
   */
  meant: PanelAdmin | null
}

/** A user as the panel reports it: the fields the ledger uses. */
export type PanelUser = {
  username: string
  /** Naive UTC with microseconds, normalised to `YYYY-MM-DD HH:MM:SS.ffffff`; never a JavaScript Date. */
  createdAt: string
  /** One of {@link userStatuses}, or another text of the panel, or `unknown`. */
  status: string
  /** Bytes. */
  lifetimeUsedTraffic: bigint
  /** The part of them since the last reset; null: none, or unknown. */
  usedTraffic: bigint | null
  /** Bytes; null: unlimited. */
  dataLimit: bigint | null
  /** Unix seconds; null: never. */
  expire: bigint | null
  owner: PanelAdmin | null
  /** When the panel said this: milliseconds since 1970 by its own clock, to the second; null: it does not say. */
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

/** Which users to list: those of exactly this admin, or all; only those of these names; only those with this status. */
export type UserFilter = { admin?: string; usernames?: readonly string[]; status?: UserStatus }

/** Whether the panel serves a user, and what must be known to change that and nothing else. */
export type UserService = {
  username: string
  /** As {@link PanelUser.createdAt}. */
  createdAt: string
  /** The name of its admin; null: it has none. */
  owner: string | null
  /** One of {@link userStatuses}, or another text of the panel, or `unknown`. */
  status: string
  /** How long the user may be used once it has connected, in seconds, if it waits for that; null: it is not limited so. */
  onHoldDuration: bigint | null
  /** Until when it waits, as the panel writes it; null: for ever. */
  onHoldTimeout: string | null
  /** What the panel keeps for itself, to be handed back unread with a change. */
  unread: unknown
}

/** The service that a user is to have. `as it is`: only to remind the panel of it. */
export type WantedService =
  | { status: 'disabled' | 'active' | 'as it is' }
  | { status: 'on_hold'; onHoldDuration: bigint | null; onHoldTimeout: string | null }

/** What came of a request to change a user's service: `verdict` as in {@link DeletionReply}. */
export type ServiceReply = { verdict: DeletionReply['verdict']; error: LedgerError | null }

/**
 * Calls that the service makes with its own sudo account, or with a caller's rights where a `token` is given.
 *
 * A call fails with a `LedgerError` of a `panel_` code; its message is safe to show and to log. A call that only reads is
 * tried up to three times: when there is no connection, when a proxy answers 502, 503 or 504, and when the panel answers
 * 500, as it does while somebody deletes what it is about to list.
 */
export type PanelClient = {
  /** The admin that owns `token`. Throws `panel_unauthorized` when the panel does not know the token. */
  whoami(token: string): Promise<PanelAdmin>
  /** The admin that is the configured account. */
  account(): Promise<PanelAdmin>
  /** All admins. An admin whose counter alone is odd is among `admins`. */
  adminList(): Promise<{ admins: PanelAdmin[]; unreadable: UnreadableItem[] }>
  /**
   * One page of users, oldest first, those of the same second by name; `usernames` by exact names. A page has
   * `users.length + unreadable.length` items.
   *
   * @throws an error that is `unusable` when the whole page cannot be used; a smaller page may be usable.
   */
  users(
    page: UserFilter & { offset: number; limit: number },
    options?: { token?: string; once?: boolean },
  ): Promise<PanelUserPage>
  /** How many users the panel lists. The answer lists none of them, so no user can spoil it. */
  countUsers(filter: UserFilter, options?: { token?: string }): Promise<number>
  /**
   * One user; null when the panel itself says that there is no such user. Any other 404 proves nothing and is a
   * `panel_bad_answer`: a proxy gives it, or a panel that does not have the path.
   *
   * @throws `invalid_request` for a name that no path can carry, such as `..` or `a/b`. `user_unreadable` when the ledger
   *   cannot use the answer: its lifetime, creation or owner is odd or missing, or the answer is too large; also when the
   *   panel answers 500 for this user again and again, and answers other questions well. Only the former prove that the
   *   panel has the user.
   */
  user(username: string, options?: { token?: string; freshConnection?: boolean }): Promise<PanelUser | null>
  /** As {@link PanelClient.user}; instead of throwing `user_unreadable`, it returns what can be read of the user. */
  lookAtUser(
    username: string,
    options?: { token?: string; freshConnection?: boolean },
  ): Promise<PanelUser | UnreadableUser | null>
  /**
   * Looks an admin up by its name, whatever characters the name has and whatever database the panel has.
   *
   * @throws also `panel_bad_answer` when it is not found, and one is listed without a name.
   */
  adminNamed(username: string): Promise<NamedAdmins>
  /** Whether the panel has an admin of exactly this name. Its own 404 or its whole list proves the answer. */
  hasAdmin(username: string): Promise<boolean>
  /** The panel's version, such as `0.8.4`. */
  release(options?: { token?: string }): Promise<string>
  /**
   * Deletes a user: sends the request once, over a connection of its own. Every outcome is a {@link DeletionReply}. Where it
   * is unclear, ask {@link PanelClient.user}.
   *
   * @throws `invalid_request` as {@link PanelClient.user}.
   */
  deleteUser(username: string, options?: { token?: string }): Promise<DeletionReply>
  /** Deletes an admin, likewise. Its users stay, without an owner. */
  deleteAdmin(username: string): Promise<DeletionReply>
  /**
   * Whether the panel serves a user; null: the panel says that there is none.
   *
   * @throws as {@link PanelClient.user}; a user whose bytes cannot be counted is no reason.
   */
  userService(username: string): Promise<UserService | null>
  /**
   * Has the panel serve a user as wanted, and changes nothing else of it. The request is sent once. Where its outcome is
   * unclear, ask {@link PanelClient.userService}.
   *
   * @param user as {@link PanelClient.userService} has just shown it.
   */
  setService(user: UserService, wanted: WantedService): Promise<ServiceReply>
  /**
   * Gives a user that the panel can neither list nor show values that it can: an expiry or a quota beyond what the panel reads
   * makes it fail, and yet it serves the user. The expiry becomes "never", the quota, if need be, one byte.
   */
  repairUser(username: string): Promise<ServiceReply>
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
  /** As it came, perhaps compressed. */
  body: Buffer
  /** The body without compression; empty: it cannot be decompressed. Left out: the same as `body`. */
  plain?: Buffer
}

/** A request that is passed on as it came. */
export type PassedOn = {
  method: string
  /** Path and query, encoded. */
  target: string
  headers: Record<string, string | string[]>
  body: Buffer | null
}

/** The panel's answer to it, still coming in. Its taker reads the body to its end, or destroys it. */
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
  /** `https://panel.example:8443` */
  origin: string
  /** What stands before the panel's own paths, without a slash at its end: `` or `/base`. */
  basePath: string
  /**
   * Sends a request once and waits for the whole answer.
   *
   * @throws `panel_unreachable`, `panel_timeout`, `panel_bad_answer`: the panel may have acted or not. `overloaded`: no
   *   connection was free in time, and nothing was sent.
   */
  forward(request: Forwarded): Promise<ForwardedAnswer>
  /**
   * Sends a request and resolves as soon as the answer begins. A request that only reads is sent a second time when no
   * answer comes.
   *
   * @param signal ends the exchange as long as the answer has not begun.
   * @throws as {@link Forwarder.forward}.
   */
  open(request: PassedOn, signal: AbortSignal): Promise<OpenAnswer>
  /** Begins to open a WebSocket. It never emits an unhandled error; however it fails, it closes. */
  openSocket(request: SocketToOpen): WebSocket
  close(): Promise<void>
}
