import { claim } from './books.ts'
import type { Request } from './exchange.ts'
import type { VirtualPanel } from './panel.ts'
import type { Operation } from './point.ts'
import { graceMs } from './wire.ts'

/** A deletion that the panel has got, and whose answer somebody waits for. */
type Sent = { request: Request; about: string; by: Operation }

/** Deletions on their way: of one user or admin, only one may be. */
export class UnderWay {
  private sent: Sent[] = []
  private readonly panel: VirtualPanel

  constructor(panel: VirtualPanel) {
    this.panel = panel
  }

  /** `by` sends a request. */
  onSent(request: Request, by: Operation): void {
    const about = this.aboutOf(request)
    if (about === null) return
    const { panel } = this
    const late = panel.unanswered.some(
      (one) =>
        one.act !== null &&
        one.request.method === request.method &&
        this.nameOf(one.user?.id, one.admin) === about &&
        panel.now - one.at < graceMs,
    )
    claim(!late, `the deletion of ${about} was sent again while the first may be carried out`)
    // Whoever crashed waits for nothing.
    const other = this.sent.find((one) => one.about === about && one.by.state === 'running')
    claim(
      !other,
      `the deletion of ${about} was sent while ${other?.by.name} waits for the answer to another one`,
    )
    this.sent.push({ request, about, by })
  }

  /** Nobody waits for the answer any more. */
  onOver(request: Request): void {
    this.sent = this.sent.filter((one) => one.request !== request)
  }

  /** The very user or admin that a deletion is about; null: it is no deletion, or there is nobody of the name. */
  private aboutOf(request: Request): string | null {
    if (request.method !== 'DELETE') return null
    return this.nameOf(this.panel.userIn(request)?.id, this.panel.adminIn(request))
  }

  private nameOf(
    userId: number | undefined,
    admin: { name: string; deaths: number } | undefined,
  ): string | null {
    if (userId !== undefined) return `the user with the id ${userId}`
    return admin ? `the ${admin.deaths + 1}. admin ${admin.name}` : null
  }
}
