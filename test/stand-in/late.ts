import { setTimeout } from 'node:timers/promises'

/** Requests whose connections have ended, and which the panel still has to carry out. */
export class LateEffects {
  private effects: (() => Promise<unknown>)[] = []

  /** How many there are. */
  get waiting(): number {
    return this.effects.length
  }

  /** @param afterMs carried out by itself after so many milliseconds; left out: when {@link carryOut} is called. */
  add(effect: () => Promise<unknown>, afterMs?: number): void {
    this.effects.push(effect)
    if (afterMs === undefined) return
    void setTimeout(afterMs, undefined, { ref: false }).then(async () => {
      const index = this.effects.indexOf(effect)
      if (index >= 0) await this.effects.splice(index, 1)[0]?.()
    })
  }

  /** The panel carries out what it was asked for, in the order of the requests. */
  async carryOut(): Promise<void> {
    for (const effect of this.effects.splice(0)) await effect()
  }

  /** The panel was killed: what it had not done is not done. */
  forget(): void {
    this.effects = []
  }
}
