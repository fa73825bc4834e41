import { setTimeout } from 'node:timers/promises'
import type { DeletionReply, PanelClient, UserFilter } from '../panel.ts'
import { parsePanelAddress } from '../transport/address.ts'
import {
  createTransport,
  describeRequest,
  type PanelRequest,
  type Transport,
} from '../transport/transport.ts'
import type { TrustedCertificates } from '../transport/trusted-certificates.ts'
import { type AuthorisedCalls, createAuthorisedCalls } from './authorised-call.ts'
import { decodeList, toAdmin, toUser } from './decode.ts'
import { judgeDeletion } from './deletion-forms.ts'
import { hasAdmin } from './has-admin.ts'
import { logIn } from './login.ts'
import { namedPath } from './named-path.ts'
import { namelessAdmin } from './nameless-admin.ts'
import { lookAtUser, readUser } from './read-user.ts'
import { panelTreatsAsSame } from './same-name.ts'
import { adminsAnswer, callerAnswer, systemAnswer, usersAnswer } from './schemas.ts'
import { createSession } from './session.ts'
import { readService, repairUser, setService } from './user-service.ts'

/** The part of a pino logger that is used. */
export type PanelLog = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export type PanelClientOptions = {
  /** MARZBAN_URL: http, https or unix, perhaps with a base path. A user name and password in it are not sent. */
  url: string
  /** MARZBAN_CA; left out: the certificates that this machine trusts. */
  trusted?: TrustedCertificates | undefined
  /** The sudo account the service acts as. */
  username: string
  password: string
  /**
   * MARZBAN_TIMEOUT, milliseconds: how long the panel may take to begin an answer, and between two pieces of it. A call with all
   * its attempts takes at most twice as long; if it has to wait for a login, that adds at most this much.
   */
  timeoutMs: number
  /** Upper bound of connections kept open, and again of those for deletions; 8 unless given. */
  connections?: number
  /** Upper bound of an answer's size; 32 MiB unless given: 100 users with hundreds of links each. */
  maxAnswerBytes?: number
  /** Sends the requests; left out: over HTTP. */
  transport?: Transport
  sleep?: (ms: number) => Promise<unknown>
  /** Uniform in [0, 1). */
  random?: () => number
  /** Milliseconds; only differences matter. */
  now?: () => number
  log?: PanelLog
}

/**
 * A client of the panel at `url`. Nothing is sent before the first call.
 *
 * Each call fails with a {@link LedgerError} of a `panel_` code, whose message holds no secret: `panel_unreachable`,
 * `panel_timeout`, `panel_failed` (5xx), `panel_unauthorized`, `panel_forbidden`, `panel_bad_answer`; or `user_unreadable`.
 *
 * @throws `config_invalid` when `url` is no http address.
 */
export function createPanelClient(options: PanelClientOptions): PanelClient {
  const address = parsePanelAddress(options.url)
  const transport =
    options.transport ??
    createTransport({
      address,
      trusted: options.trusted,
      timeoutMs: options.timeoutMs,
      connections: options.connections ?? 8,
      maxAnswerBytes: options.maxAnswerBytes ?? 32 * 1024 * 1024,
    })
  const session = createSession({
    login: async () => {
      const outcome = await logIn(transport, address, options, AbortSignal.timeout(options.timeoutMs))
      if ('token' in outcome) options.log?.info({ panel: address.host }, 'logged in to the panel')
      return outcome
    },
    now: options.now ?? (() => performance.now()),
  })
  const calls = createAuthorisedCalls({
    address,
    transport,
    session,
    deadlineMs: 2 * options.timeoutMs,
    retry: {
      sleep: options.sleep ?? setTimeout,
      random: options.random ?? Math.random,
      onRetry: (request, reason, pauseMs) =>
        options.log?.warn({ request: describeRequest(request), reason, pauseMs }, 'asking the panel again'),
    },
  })

  const listAdmins = async (filter?: { username: string }) => {
    const request = { method: 'GET', path: '/api/admins', ...(filter && { query: filter }) } as const
    return decodeList('admin', await calls.ask(request, adminsAnswer), toAdmin)
  }

  const questionAbout = (username: string, options: { token?: string; freshConnection?: boolean } = {}) => {
    const { token, freshConnection = false } = options
    const path = namedPath('/api/user', username)
    return { calls, username, request: { method: 'GET', path, freshConnection }, token } as const
  }

  return {
    async whoami(token) {
      return toAdmin(await calls.ask({ method: 'GET', path: '/api/admin' }, callerAnswer, token))
    },
    async account() {
      return toAdmin(await calls.ask({ method: 'GET', path: '/api/admin' }, callerAnswer))
    },
    async adminList() {
      const { items: admins, unreadable } = await listAdmins()
      return { admins, unreadable }
    },
    async users({ offset, limit, ...filter }, { token, once = false } = {}) {
      const request = {
        method: 'GET',
        path: '/api/users',
        query: pageQuery(filter, offset, limit),
        once,
      } as const
      const { valid: page, date } = await calls.askDated(request, usersAnswer, token)
      const { items: users, unreadable } = decodeList('user', page.users, (user) => toUser(user, date))
      return { users, total: page.total, unreadable }
    },
    async countUsers(filter, { token } = {}) {
      const request = { method: 'GET', path: '/api/users', query: pageQuery(filter, beyondAll, 1) } as const
      return (await calls.ask(request, usersAnswer, token)).total
    },
    user: async (username, options) => readUser(questionAbout(username, options)),
    lookAtUser: async (username, options) => lookAtUser(questionAbout(username, options)),
    async adminNamed(username) {
      // The filter is a pattern of SQL: it finds at least every plain name that is written so.
      const isPlain = /^[\w.@-]+$/.test(username)
      const { items, unreadable } = await listAdmins(isPlain ? { username } : undefined)
      const same = items.filter((admin) => panelTreatsAsSame(admin.username, username))
      if (same.length === 0 && unreadable.some(({ name }) => name === null)) throw namelessAdmin()
      const exact = same.find((admin) => admin.username === username) ?? null
      return { exact, same, meant: exact ?? (same.length === 1 ? (same[0] ?? null) : null) }
    },
    hasAdmin: (username) => hasAdmin(calls, username),
    async release({ token } = {}) {
      return (await calls.ask({ method: 'GET', path: '/api/system' }, systemAnswer, token)).version
    },
    async deleteUser(username, { token } = {}) {
      const request = deletion(namedPath('/api/user', username))
      return reply('user', await calls.attempt(request, token))
    },
    async deleteAdmin(username) {
      const request = deletion(namedPath('/api/admin', username))
      return reply('admin', await calls.attempt(request))
    },
    userService: async (username) => readService(questionAbout(username)),
    setService: (user, wanted) => setService(calls, user, wanted),
    repairUser: (username) => repairUser(calls, username),
    close: () => transport.close(),
  }
}

/** No panel has so many users: a page that begins here is empty, and still says how many users there are. */
const beyondAll = 2 ** 31 - 1

function pageQuery(filter: UserFilter, offset: number, limit: number): [string, string][] {
  return [
    ...(filter.admin === undefined ? [] : [['admin', filter.admin] as [string, string]]),
    ...(filter.status === undefined ? [] : [['status', filter.status] as [string, string]]),
    ...(filter.usernames ?? []).map((username): [string, string] => ['username', username]),
    ['offset', String(offset)],
    ['limit', String(limit)],
    // Panels on MySQL keep whole seconds, and give users of the same second in any order. Sorted by name too, no user is on
    // two pages, and none is on no page.
    ['sort', 'created_at,username'],
  ]
}

/**
 * A deletion gets a connection of its own. After some deletions the panel answers 500, and drops the connection when the next
 * request arrives on it: that must not be another caller's. And the panel may drop an old connection while the deletion is on
 * its way; then nobody knows whether the panel received it.
 */
function deletion(path: string): PanelRequest {
  return { method: 'DELETE', path, freshConnection: true }
}

/** The reply of a deletion that was sent, or could not be sent. */
function reply(
  of: 'user' | 'admin',
  { answer, error }: Awaited<ReturnType<AuthorisedCalls['attempt']>>,
): DeletionReply {
  if (answer === null || error.unsent) return { verdict: error.unsent ? 'unsent' : 'unclear', error }
  const { status, contentType, text } = answer
  const headers = { 'content-type': contentType }
  const verdict = judgeDeletion(of, { status, headers, body: Buffer.from(text) })
  return { verdict, error: verdict === 'done' ? null : error }
}
