/** How the panel serves a user. */
export type Service = { status: string; duration: bigint | null; timeout: string | null }

/** What a change asks for; what is left out stays. */
export type ServiceChange = Partial<Service>

/**
 * How the panel serves users, by their ids there; and, kept apart, how each is meant to be served when its account is not held:
 * as whoever is not the service wanted it last.
 */
export class Services {
  private services = new Map<number, Service>()
  /** Several: it depends on which of two things came first. Null: nobody can tell. */
  private readonly meant = new Map<number, Service[] | null>()
  private readonly changes = new Map<number, number>()
  private backup = new Map<number, Service>()
  /** Whether the service may be changing users at this moment, so that nobody can tell whose change came first. */
  private readonly isUnsettled: () => boolean

  constructor(isUnsettled: () => boolean) {
    this.isUnsettled = isUnsettled
  }

  of(id: number): Service {
    return this.services.get(id) ?? { status: 'active', duration: null, timeout: null }
  }

  isServed(id: number): boolean {
    const { status } = this.of(id)
    return status === 'active' || status === 'on_hold'
  }

  /** The service holds a user, or gives it back. @returns false: the panel refuses that. */
  changeByService(id: number, change: ServiceChange): boolean {
    return this.apply(id, change)
  }

  /** Somebody else changes a user, or the panel itself; `mayBeUndone`: the service cannot notice. */
  change(id: number, change: ServiceChange, mayBeUndone = false): boolean {
    if (!this.apply(id, change)) return false
    this.changes.set(id, this.changesOf(id) + 1)
    if (mayBeUndone || this.isUnsettled()) this.mayBeMeant(id, this.of(id))
    else this.meant.set(id, [this.of(id)])
    return true
  }

  changesOf(id: number): number {
    return this.changes.get(id) ?? 0
  }

  /** The service knows that somebody wants the user as it is now. */
  settle(id: number): void {
    this.meant.set(id, [this.of(id)])
  }

  mayBeMeant(id: number, service: Service): void {
    const meant = this.meantFor(id)
    if (meant !== null) this.meant.set(id, [...meant, service])
  }

  /** Nobody can tell any more how the user is meant to be. */
  loseTrack(id: number): void {
    this.meant.set(id, null)
  }

  isAsMeant(id: number): boolean {
    const { status, duration } = this.of(id)
    const meant = this.meantFor(id)
    return (
      meant === null ||
      meant.some((one) => one.status === status && (status !== 'on_hold' || one.duration === duration))
    )
  }

  /** For the reader. */
  show(id: number): string {
    const text = ({ status, duration }: Service) => `${status}${duration === null ? '' : ` ${duration}`}`
    return `${text(this.of(id))}, and meant to be ${this.meantFor(id)?.map(text).join(' or ')}`
  }

  takeBackup(): void {
    this.backup = new Map(this.services)
  }

  putBack(): void {
    this.services = new Map(this.backup)
  }

  private meantFor(id: number): Service[] | null {
    const known = this.meant.get(id)
    return known === undefined ? [{ status: 'active', duration: null, timeout: null }] : known
  }

  private apply(id: number, change: ServiceChange): boolean {
    if (change.status === 'on_hold' && !change.duration) return false
    this.services.set(id, { ...this.of(id), ...change })
    return true
  }
}
