/** What the front must know of the panel's own API, in our words. */
import type { DeletionReply, Forwarded, ForwardedAnswer, Forwarder, PanelClient, PassedOn } from './panel.ts'

/** What a call does; `annotate` changes only a user's note. `change`: anything else: it may give users traffic. */
export type CallEffect = 'read' | 'log in' | 'delete' | 'disable' | 'annotate' | 'change'

/** A call of the panel's own API; `path` is decoded, as the panel's router sees it. */
export type CallToJudge = Pick<PassedOn, 'method' | 'headers' | 'body'> & { path: string }

/** A call of the panel's own API that makes the panel forget bytes. They are lost unless they are read before. */
export type GuardedCall =
  | { kind: 'delete user'; username: string }
  | { kind: 'change user'; username: string }
  | { kind: 'move user'; username: string }
  | { kind: 'delete expired users' }
  | { kind: 'reset all users' }
  | { kind: 'delete admin'; username: string }
  | { kind: 'reset admin usage'; username: string }

/** One user, or all users of an admin. */
export type Disabled = { user: string } | { usersOf: string }

/** What the front must know of the panel's own API. */
export type PanelApi = {
  /**
   * What a request makes the panel forget; null: nothing, it can be passed on.
   *
   * @param path decoded, as the panel's router sees it.
   */
  guardedCallOf(method: string, path: string): GuardedCall | null
  /** What a call does, as far as its caller may do it while it is held. */
  effectOf(call: CallToJudge): CallEffect
  /**
   * Harmless questions for which a caller needs the same rights as for `call`: the targets of GET requests, encoded, in the
   * order in which the panel checks these rights.
   */
  refusingQuestions(call: GuardedCall): readonly string[]
  /**
   * Why a call would leave a user in the panel that it can never list or change again, and serves for ever; null: it would not.
   */
  breakingFieldOf(call: CallToJudge): { field: string; detail: string } | null
  /** Whom a call disables, if the panel accepts it; null: nobody. A call that does more than that counts too. */
  disabledBy(call: CallToJudge): Disabled | null
  /** Whether the panel has WebSockets at this path, which is decoded. */
  hasWebSocket(path: string): boolean
  /** Whether a path may hold a secret, such as the link of a subscription. No log shows such a path whole. */
  isSecretPath(path: string): boolean
  /** The token that the panel reads from the headers of a request; null: there is none. */
  tokenOf(headers: PassedOn['headers']): string | null
  /** Whether the panel can be asked whose token this is. The panel may take others all the same. */
  canBeToken(text: string): boolean
  /** The JSON body in which the panel says why it refuses something. */
  errorBody(detail: string): object
  /** The panel's answer about an admin that it does not have. */
  noSuchAdmin: ForwardedAnswer
  /** The panel's answer to the deletion of a sudo admin. */
  sudoAdminStays: ForwardedAnswer
  /** What an answer to a forwarded deletion proves. Only the panel's own words count. */
  judgeDeletion(of: 'user' | 'admin', answer: ForwardedAnswer): Exclude<DeletionReply['verdict'], 'unsent'>
  /** What an answer to the forwarded reset of all users proves. Only the panel's own words count. */
  judgeReset(answer: ForwardedAnswer): 'done' | 'refused' | 'unclear'
  /** The deletion of all expired users, which the front carries out one by one. */
  expiredUsers: {
    /** The statuses of users that this call deletes. */
    statuses: readonly string[]
    /** The request that lists the users that `deletion` deletes. */
    listing(deletion: Forwarded): Forwarded
    /**
     * The names in the answer to this listing.
     *
     * @throws `panel_bad_answer` for anything else than a list of names.
     */
    namesIn(answer: ForwardedAnswer): string[]
    /**
     * The panel's answer when these users are deleted.
     *
     * @param token the caller's, to ask the panel for its version.
     */
    answer(
      names: readonly string[],
      client: Pick<PanelClient, 'release'>,
      token: string,
    ): Promise<ForwardedAnswer>
  }
}

/** A panel: `assemble` opens it and hands out its parts. */
export type Panel = {
  client: PanelClient
  forwarder: Forwarder
  api: PanelApi
  /** Ends all connections to the panel. */
  close(): Promise<void>
}
