import { type Clock, systemClock } from 'pg-boss'

/**
 * The time by which pg-boss's workers rest and beat: it runs on as it began, whoever sets this machine's clock. By that one,
 * a worker rests for what a job has left of an interval: with the clock set back an hour meanwhile, for an hour.
 */
export const steadyClock: Clock = {
  ...systemClock,
  now: () => performance.timeOrigin + performance.now(),
}
