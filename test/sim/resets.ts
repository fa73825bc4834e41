import type { WorldUser } from '../ledger/world.ts'

type Consumer = Pick<WorldUser, 'id' | 'lifetime'>

/** The panel's resets of single users: it keeps what they had consumed by then apart from what they consume afterwards. */
export class Resets {
  private readonly before = new Map<number, bigint>()
  private readonly latest = new Map<number, { lifetime: bigint; used: bigint }>()

  /** Bytes that the user has consumed since its last reset. */
  usedOf({ id, lifetime }: Consumer): bigint {
    const before = this.before.get(id) ?? 0n
    return lifetime > before ? lifetime - before : 0n
  }

  reset(user: Consumer): void {
    this.latest.set(user.id, { lifetime: user.lifetime, used: this.usedOf(user) })
    this.before.set(user.id, user.lifetime)
  }

  /**
   * A list that is asked for right after a reset stands for one that was under way: SQLite shows it the bytes before the reset
   * twice. Returns them, once; 0: nothing is shown twice.
   */
  takeShownTwice({ id, lifetime }: Consumer): bigint {
    const latest = this.latest.get(id)
    this.latest.delete(id)
    return latest?.lifetime === lifetime ? latest.used : 0n
  }
}
