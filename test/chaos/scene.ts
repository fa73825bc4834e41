import { operatorKey } from '../support/keys.ts'
import { oneOf, type Random } from '../support/random.ts'
import type { Journal } from './journal.ts'
import type { Stage } from './stage.ts'
import type { UserFacts } from './world.ts'

/**
 * Admins whose counter in the panel sees every byte: whatever is done to their users behind the ledger's back, and whatever
 * they consume meanwhile, their total has to be the truth.
 */
export const counted = ['ada', 'ben'] as const
/**
 * Admins whose counter in the panel is not to be relied on: it misses bytes and is reset. Whatever is asked of the service
 * for their users, which consume nothing while it is under way, the readings of the users alone have to be the truth.
 */
export const read = ['cyd', 'dan'] as const

const patienceMs = 5_000
const namesEach = 14

/** What operations choose from, and how they are carried out. */
export class Scene {
  readonly random: Random
  readonly stage: Stage
  /** Admins of the second kind that come, and are deleted. */
  readonly guests: string[] = []
  /** The last bulk deletion that was accepted. */
  lastBulk: number | null = null
  users: readonly UserFacts[] = []
  private known = new Set<string>()
  private moved = new Set<string>()
  private readonly accounts = new Map<string, number>()
  private readonly tokens = new Map<string, string>()
  private readonly journal: Journal

  constructor(stage: Stage, journal: Journal, random: Random) {
    this.stage = stage
    this.journal = journal
    this.random = random
  }

  async refresh(): Promise<void> {
    this.users = await this.stage.panel.users()
  }

  /** All has been read: whoever exists now is known to the ledger, under its present owner. */
  async rested(): Promise<void> {
    await this.refresh()
    this.known = new Set(this.users.map(keyOf))
    this.moved.clear()
  }

  isCounted(owner: string | null): boolean {
    return (counted as readonly (string | null)[]).includes(owner)
  }

  anyAdmin(): string {
    return oneOf(this.random, [...counted, ...read, ...this.guests]) ?? 'ada'
  }

  /** A user that exists. */
  anyUser(which: (user: UserFacts) => boolean = () => true): UserFacts | undefined {
    return oneOf(this.random, this.users.filter(which))
  }

  /**
   * A user that may change its owner: one that the ledger knows, since a new one is charged to the first owner it is seen
   * with, and that has not moved since, since one that moves back between two readings is charged to its last owner.
   */
  movable(which: (user: UserFacts) => boolean): UserFacts | undefined {
    const user = this.anyUser(
      (candidate) =>
        which(candidate) && this.known.has(keyOf(candidate)) && !this.moved.has(candidate.username),
    )
    if (user) this.moved.add(user.username)
    return user
  }

  /** A name for a new user of the admin: often one that was used before. */
  nameFor(admin: string): string {
    const number = String(this.random(namesEach)).padStart(2, '0')
    if (this.guests.includes(admin)) return `${admin}_${number}`
    return `${this.isCounted(admin) ? 'counted' : 'read'}_${number}`
  }

  /** Before a user is touched whose readings alone tell the truth: it consumes nothing until all is at rest. */
  async hold(...users: UserFacts[]): Promise<void> {
    const names = users.filter(({ owner }) => !this.isCounted(owner)).map(({ username }) => username)
    await this.stage.panel.hold(names, [])
  }

  /** A call of the service's own API with the operator's key, and what came of it. */
  async call(method: string, target: string, body?: unknown): Promise<{ outcome: string; body: unknown }> {
    return this.ask(method, target, { 'x-api-key': operatorKey }, body)
  }

  /** A call of Marzban's API at the service's address, with the token of an admin. */
  async front(as: string, method: string, target: string, body?: unknown): Promise<string> {
    const token = this.tokens.get(as) ?? (await this.stage.panel.token(as))
    this.tokens.set(as, token)
    return (await this.ask(method, target, { authorization: `Bearer ${token}` }, body)).outcome
  }

  async webhook(items: unknown[]): Promise<string> {
    const headers = { 'x-webhook-secret': this.stage.webhookSecret }
    return (await this.ask('POST', '/webhooks/marzban', headers, items)).outcome
  }

  /** The id of the admin's account, once the ledger has one. */
  async accountOf(admin: string): Promise<number | null> {
    const known = this.accounts.get(admin)
    if (known !== undefined) return known
    const { body } = await this.call('GET', `/admins?username=${admin}`)
    const id = (body as { items?: { id: number }[] } | null)?.items?.[0]?.id
    if (id !== undefined) this.accounts.set(admin, id)
    return id ?? null
  }

  /** Something that happened to somebody, in the panel itself or by a call. */
  note(what: string): void {
    this.journal.note(`  ${what}`)
  }

  private async ask(
    method: string,
    target: string,
    headers: Record<string, string>,
    body: unknown,
  ): Promise<{ outcome: string; body: unknown }> {
    const answer = await this.send(method, target, headers, body)
    this.note(`${method} ${target}${body === undefined ? '' : ` ${JSON.stringify(body)}`}: ${answer.outcome}`)
    return answer
  }

  private async send(
    method: string,
    target: string,
    headers: Record<string, string>,
    body: unknown,
  ): Promise<{ outcome: string; body: unknown }> {
    try {
      const answer = await fetch(this.stage.service.url + target, {
        method,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      })
      const text = await answer.text()
      if (text.includes('internal_error')) this.journal.fault(`${method} ${target} is answered with ${text}`)
      const isJson = answer.headers.get('content-type')?.includes('json')
      return { outcome: String(answer.status), body: isJson ? JSON.parse(text) : null }
    } catch (error) {
      const isLate = error instanceof Error && error.name === 'TimeoutError'
      return { outcome: isLate ? 'no answer' : 'cut', body: null }
    }
  }
}

function keyOf({ username, createdAt, owner }: UserFacts): string {
  return `${username} ${createdAt} ${owner}`
}
