import type { PanelDatabase } from './names.ts'
import type { Release } from './release.ts'

/** A kind of panel that runs somewhere. */
export type PanelKind = { release: Release; database: PanelDatabase }

/** The releases and databases that were seen to answer differently, for `describe.each`. */
export const everyPanel: readonly PanelKind[] = [
  { release: '0.5.2', database: 'sqlite' },
  { release: '0.7.0', database: 'sqlite' },
  { release: '0.7.0', database: 'mysql' },
  { release: '0.8.4', database: 'sqlite' },
  { release: '0.8.4', database: 'mysql' },
]

/** Each release and each database once, for tests that take long. */
export const eachRelease: readonly PanelKind[] = [
  { release: '0.5.2', database: 'sqlite' },
  { release: '0.7.0', database: 'mysql' },
  { release: '0.8.4', database: 'sqlite' },
]
