import type { Connection } from './connections.ts'
import type { ForeignAnswer } from './foreign.ts'

/** A connection to the database that an operation holds. */
export type Held = {
  readonly inTransaction: boolean
  readonly connection: Connection | null
  /** The connection breaks: the server rolls back what is open. */
  lose(): Promise<void>
  release(): void
}

/**
 * How what an operation waits for goes wrong: before anything happened or after; `hang`: without an answer; `late`: without
 * an answer, and the panel acts when nobody waits any more; or something else answers in the panel's place.
 */
export type Fault = 'before' | 'after' | 'hang before' | 'hang after' | 'late' | ForeignAnswer

/** Work that a replica has under way. */
export type Operation = {
  replica: number
  name: string
  /** Connections it holds. */
  lines: Set<Held>
  state: 'running' | 'ended' | 'crashed'
}

/**
 * Where an operation stands still until the scheduler lets it go on: before a statement, before the panel acts on a
 * request, and before the panel's answer arrives.
 */
export type Point = {
  operation: Operation
  kind: 'statement' | 'request' | 'answer'
  label: string
  line: Held | null
  perform: () => Promise<unknown>
  /** What comes of the panel's call that a fault happens to, which has or has not acted; throws what the client would. */
  goWrong?: (fault: Fault) => Promise<unknown>
  /** Whoever asks is gone, and the panel has yet to act on what it was sent. */
  leave?: () => void
}

/** What lets operations go on. */
export type Gate = {
  /** Resolves with what `perform` does, when it has been let happen. */
  arrive<T>(point: Omit<Point, 'perform'> & { perform: () => Promise<T> }): Promise<T>
}
