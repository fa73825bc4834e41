import { inspect } from 'node:util'
import type { Admin, Owner, User } from './cast.ts'
import type { LimitStep, LimitWork, ServiceCall } from './limit-steps.ts'
import type { Fault } from './point.ts'
import type { Spoil } from './spoil.ts'

/** Work that a replica begins, on a schedule or for a caller. */
export type Work =
  | { of: 'poll' }
  | { of: 'read counter'; admin: Admin }
  | { of: 'scan'; admin: Admin }
  | { of: 'scan what is due' }
  | { of: 'delete user'; user: User; preserve: boolean }
  | { of: 'delete users'; users: User[] }
  | { of: 'delete users of'; admin: Admin }
  | { of: 'delete admin'; admin: Admin }
  /** By the admin itself, under a key. */
  | { of: 'delete own users'; admin: Admin; key: string }
  /** The `pick`th bulk deletion that has not ended is stopped. */
  | { of: 'cancel deletion'; pick: number }
  | { of: 'go on with bulk deletions' }
  | { of: 'settle deletions' }
  | { of: 'read user'; user: User }
  | FrontCall
  | LimitWork
  | ServiceCall

/** Calls of the panel's own API at the service's address. */
export type FrontCall =
  | { of: 'front: delete user'; user: User; spelling: Spelling }
  | { of: 'front: delete expired'; users: User[] }
  | { of: 'front: move user'; user: User; owner: Admin; spelling: Spelling }
  /** By an admin, who resets its own; or by the account of the panel's environment, which resets all. */
  | { of: 'front: reset all'; by: Owner }
  | { of: 'front: reset usage'; admin: Admin; spelling: Spelling }
  | { of: 'front: delete admin'; admin: Admin; spelling: Spelling }

/** How a caller writes a name: in capitals, or with a space at its end. */
export type Spelling = 'plain' | 'shouted' | 'spaced'

/** What gets in the way of work: other work, also such as goes wrong and is not over, or what happens in the panel alone. */
export type Intruder =
  | Work
  | Extract<Step, { do: 'start badly' | 'remove user' | 'create user' | 'move user' }>

/** One thing that happens. */
export type Step =
  | LimitStep
  | { do: 'consume'; user: User; bytes: number | bigint }
  | { do: 'book usage' }
  | { do: 'create user'; user: User; owner: Owner }
  | { do: 'wait'; seconds: number }
  | { do: 'start'; replica: number; work: Work }
  /** Work that begins, and goes on to its end at once. */
  | { do: 'carry out'; replica: number; work: Work }
  /** The `pick`th operation that can goes on: to its next statement, to its next call of the panel, or to its end. */
  | { do: 'run'; pick: number; until: 'statement' | 'call' | 'end' }
  | { do: 'fail'; pick: number; fault: Fault }
  /** Work that begins, and whose first call that changes something in the panel goes wrong: before the panel acts, or its answer. */
  | { do: 'start badly'; replica: number; work: Work; fault: Fault; at: 'request' | 'answer' }
  /** An admin is deleted through the front, and created again. */
  | { do: 'create admin again'; admin: Admin }
  /** Other work is done in the midst of this one, so many times; see `beset`. */
  | {
      do: 'beset'
      work: Work
      at: 'statement' | 'request' | 'answer'
      after: number
      times: number
      by: Intruder[]
      early: boolean
    }
  /** The environment's account resets all users, and after so many calls of the service there is an admin of its name. */
  | { do: 'reset while an admin appears'; replica: number; calls: number }
  /** A scan has read all users of `admin`; before it ends, `user` consumes, and a poll reads what is booked of it. */
  | { do: 'poll during a scan'; admin: Admin; user: User; bytes: number }
  /** The panel resets `user` while a scan lists it. */
  | { do: 'reset user'; user: User }
  /** An answer that shows `user` with its admin is stored after a scan that found it there no more. */
  | { do: 'stale sight'; user: User; bytes: number }
  /** `user` is seen with `admin` for the first time after a scan that found what it consumed to be shown by nobody. */
  | { do: 'first sight after a scan'; admin: Admin; user: User; bytes: number }
  /** What `user` consumes only the counter of `admin` shows; what another one consumes then, only the users. */
  | { do: 'one witness each'; admin: Admin; user: User; bytes: number }
  /** `user` of `admin` was never seen, and is listed beside one over which the panel stumbles. */
  | { do: 'unseen beside a failing user'; admin: Admin; user: User; bytes: number }
  /** On MySQL, the unread counter of `admin` is reset by its name in capitals. */
  | { do: 'reset by another spelling'; admin: Admin; user: User; bytes: number }
  /** `late`: what the panel was asked for by then, it does later. */
  | { do: 'crash'; replica: number; committed: boolean; late: boolean }
  /** The panel carries out the `pick`th of the requests that nobody waits for any more. */
  | { do: 'act late'; pick: number }
  | { do: 'come to rest' }
  | { do: 'remove user'; user: User }
  | { do: 'move user'; user: User; owner: Owner }
  | { do: 'reset all users' }
  | { do: 'lose bookings' }
  | { do: 'reset usage'; admin: Admin }
  | { do: 'remove admin'; admin: Admin }
  | { do: 'create admin'; admin: Admin }
  | { do: 'spoil user'; user: User; how: Spoil }
  | { do: 'mend users' }
  | { do: 'odd admins'; listed: boolean }
  | { do: 'panel moves to MySQL' }
  /** It does not count by admins. */
  | { do: 'panel of an old version' }
  | { do: 'back up panel' }
  | { do: 'restore panel' }
  /** The backup is put back, and what was there before is the backup: done twice, every counter is where it was. */
  | { do: 'swap panel' }
  /** A user's time of creation is moved into the past. */
  | { do: 'change date'; user: User; seconds: number }
  /** A user that is gone is put back with its counter, created earlier than it was. */
  | { do: 'reimport user'; user: User; seconds: number }
  | { do: 'back up ledger' | 'restore ledger' }

/** The step as a line that can be read, and pasted into a test. */
export function lineOf(step: Step): string {
  return inspect(structuredClone(step), { breakLength: Number.POSITIVE_INFINITY, depth: null, compact: true })
}
