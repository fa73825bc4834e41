import { type Clock, systemClock } from 'pg-boss'

/**
 * The time by which pg-boss's workers rest and beat. It goes on evenly when this machine's clock is set. By the machine's
 * clock, a worker would rest for an hour when that clock is set back an hour.
 */
export const steadyClock: Clock = {
  ...systemClock,
  now: () => performance.timeOrigin + performance.now(),
}
