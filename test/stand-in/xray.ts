import type { User } from './records.ts'
import { isServedStatus } from './statuses.ts'

/**
 * Whom the panel's core serves. `by status`: all users that are active or on_hold. `as told`: those it was told to serve; the
 * panel forgets to tell it when a plan is activated and when the hourly job resets a limited user, so that such a user is
 * active and not served until it is edited once more (read in the source of 0.8.4: app/routers/user.py,
 * app/jobs/reset_user_data_usage.py).
 */
export type Serving = 'by status' | 'as told'

/** The panel's Xray: whom it serves, and the connections that are open. */
export class Xray {
  serving: Serving = 'by status'
  private readonly told = new Set<User>()
  private readonly open = new Set<User>()

  /** Whether a new connection of the user would be taken. */
  serves(user: User): boolean {
    return this.serving === 'by status' ? isServedStatus(user.status) : this.told.has(user)
  }

  /** The panel tells the core what the user's status is now. Open connections stay, also those of a disabled user. */
  tell(user: User): void {
    if (isServedStatus(user.status)) this.told.add(user)
    else this.told.delete(user)
  }

  /** The core loses a user that it was told to serve; only an edit brings it back. Tells only where it serves `as told`. */
  forget(user: User): void {
    this.told.delete(user)
  }

  /** A client connects. False: it is refused. A connection that is open stays. */
  connect(user: User): boolean {
    if (this.serves(user)) this.open.add(user)
    return this.open.has(user)
  }

  /** The user's connections end. */
  disconnect(user: User): void {
    this.open.delete(user)
  }

  isConnected(user: User): boolean {
    return this.open.has(user)
  }

  /** The core starts anew with the users that are to be served; all connections break. */
  restart(users: Iterable<User>): void {
    this.open.clear()
    this.told.clear()
    for (const user of users) this.tell(user)
  }
}
