import type { Scene } from './scene.ts'

/** One kind of fault. */
export type Fault = {
  name: string
  weight: number
  /** Only where the ledger has a disk of its own that can be filled. */
  needsDisk?: true
  /**
   * Lets it happen, and mends what the service cannot mend by itself.
   *
   * @param act lets traffic flow and operations happen, and resolves when they have ended one way or another.
   * @returns how exactly it happened.
   */
  strike(scene: Scene, act: () => Promise<void>): Promise<string>
}
