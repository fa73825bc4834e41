/**
 * The logical clock's two ticks around one answer of the panel: `asked` was drawn before the panel was asked,
 * `answered` in the transaction that stores the answer.
 */
export type Ticks = { asked: bigint; answered: bigint }

/** A number the panel only ever increases, except when someone resets it, and what we have counted of it. */
export type Counter = {
  /** Bytes the panel last reported. */
  reading: bigint
  /** Bytes counted so far: never decreases. */
  counted: bigint
  /** The `answered` tick of the last reading accepted. */
  answered: bigint
}

/**
 * Whether a reading asked for at tick `asked` was certainly taken after the reading accepted at tick `answered`.
 * Otherwise the two overlapped, nobody can tell which is older, and the reading has to be dropped.
 */
export function isLater(asked: bigint, answered: bigint): boolean {
  return asked > answered
}

/**
 * Accepts `value` bytes as the counter's next reading. A rise counts; a fall (a reset, or a panel restored from a
 * backup) counts nothing and becomes the new anchor, so that no byte is counted twice.
 */
export function advance<C extends Counter>(counter: C, value: bigint, answered: bigint): C {
  const rise = value > counter.reading ? value - counter.reading : 0n
  return { ...counter, reading: value, counted: counter.counted + rise, answered }
}

/** A counter that fell: from where to where, in bytes. */
export type Fall = { from: bigint; to: bigint }

/** The fall to remember after a reading of `value` that follows one of `last`; null: none, or the counter is back. */
export function noteFall(fall: Fall | null, last: bigint, value: bigint): Fall | null {
  if (value < last) return { from: fall && fall.from > last ? fall.from : last, to: value }
  return fall && value < fall.from ? fall : null
}

/**
 * Whether a counter that fell is back where it was, in one step: for example after a backup of the panel was restored and
 * undone. The bytes count as the panel says. Real traffic after a reset comes there in small steps, or goes past it.
 */
export function hasReturned(fall: Fall | null, last: bigint, value: bigint): boolean {
  if (!fall || value < fall.from) return false
  const depth = fall.from - fall.to
  return (value - last) * 4n >= depth * 3n && (value - fall.from) * 2n <= depth
}
