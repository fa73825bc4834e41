import { setTimeout } from 'node:timers/promises'

export type RepeatOptions = {
  /** Milliseconds between the end of one call and the next. */
  pauseMs: number
  /** Ends the repetition: at once during a pause, otherwise after the call under way. */
  signal: AbortSignal
  /** Called when a call fails; the next one comes all the same. */
  onError: (error: Error) => void
}

/** Calls `act` again and again, after a first pause. A call that takes long is waited for: two never run at once. */
export async function repeat(
  act: () => Promise<void>,
  { pauseMs, signal, onError }: RepeatOptions,
): Promise<void> {
  const pause = () => setTimeout(pauseMs, true, { signal }).catch(() => false)
  while (await pause()) await act().catch(onError)
}
