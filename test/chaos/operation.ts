import type { Scene } from './scene.ts'

/** Something that a caller, an admin or a user does. Resolves with what came of it; null: there was nothing to do it to. */
export type Operation = { name: string; weight: number; run: (scene: Scene) => Promise<string | null> }
