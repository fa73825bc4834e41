import { LedgerError } from '../errors.ts'

/** How often something is read again because another observation overlapped the reading. */
const readingsAtMost = 5

/**
 * Takes a reading until it is accepted.
 *
 * @param what is read, as messages name it.
 * @param read undefined: the reading was dropped.
 * @throws `observation_overlapped` when others read it all the time.
 */
export async function untilAccepted<Result>(
  what: string,
  read: () => Promise<Result | undefined>,
): Promise<Result> {
  for (let reading = 1; reading <= readingsAtMost; reading += 1) {
    const result = await read()
    if (result !== undefined) return result
  }
  throw new LedgerError(
    'observation_overlapped',
    `${what} is being read by others all the time; nothing was done to it. Try again.`,
    { retryAfter: 1 },
  )
}
