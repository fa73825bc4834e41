import { LedgerError } from '../../errors.ts'
import { auditName, type Caller } from './caller.ts'

/** Something that belongs to an account; null: it belongs to nobody. */
export type Owned = { adminId: bigint | null }

/** A receipt; `requestedBy` is the {@link auditName} of its caller. */
export type Receipt = { requestedBy: string }

/** Every action that needs a right, with its target. Null: the action has no single target. */
export type Targets = {
  'list accounts': null
  /** The account, its figures, its users and its receipts. */
  'read account': Owned
  'delete user': Owned
  /** All users of an account, or those of some statuses. */
  'delete users': Owned
  /** Users of any account, and users without an owner. */
  'delete any user': null
  'delete admin': null
  /** Without it, a caller reads the receipts of its own account and of its own requests. */
  'read any deletion': null
  'cancel deletion': Receipt
  /** To go on although the final reading is missing: `preserve_traffic=false`. */
  'lose unread traffic': null
  'read sync': null
  'request sync': null
  'move user': null
  'reset all users': null
  'reset admin usage': null
  /** To set or remove a limit, to grant traffic, to close a period. */
  'change limits': null
}

export type Action = keyof Targets

/** The actions that have no single target. */
export type GeneralAction = { [A in Action]: Targets[A] extends null ? A : never }[Action]

type Rule<Target> = {
  /** Whether a caller that is neither the operator nor a sudo admin may do this. */
  allows: (caller: Caller, target: Target) => boolean
  refusal: string
  /** The parameter to blame. */
  field?: string
}

/**
 * The one rule about rights: routes, bulk deletions and the front all ask it. It knows nothing about tokens. Where the panel
 * acts with a caller's token, the panel's own rule comes on top.
 */
export function may<A extends Action>(caller: Caller, action: A, target: Targets[A]): boolean {
  return caller.isSudo || rules[action].allows(caller, target)
}

/** @throws `forbidden` when the caller may not do this. */
export function requireRight<A extends Action>(caller: Caller, action: A, target: Targets[A]): void {
  if (may(caller, action, target)) return
  const { refusal, field } = rules[action]
  throw new LedgerError('forbidden', refusal, { field })
}

const never = () => false
const owner = (caller: Caller, { adminId }: Owned) => adminId !== null && adminId === caller.adminId
const sudoOnly: Rule<null> = {
  allows: never,
  refusal: 'This call is for sudo admins and for the holder of the API key.',
}

const rules: { [A in Action]: Rule<Targets[A]> } = {
  'list accounts': sudoOnly,
  'read account': {
    allows: owner,
    refusal: 'This account belongs to another admin; yours is /admins/me.',
  },
  'delete user': { allows: owner, refusal: 'This user belongs to another admin.' },
  'delete users': { allows: owner, refusal: 'These users belong to another admin.' },
  'delete any user': sudoOnly,
  'delete admin': sudoOnly,
  'read any deletion': sudoOnly,
  'cancel deletion': {
    allows: (caller, { requestedBy }) => requestedBy === auditName(caller),
    refusal: 'Another caller asked for this deletion; only that caller or a sudo admin may cancel it.',
  },
  'lose unread traffic': {
    allows: never,
    refusal: 'Only a sudo admin may send preserve_traffic=false.',
    field: 'preserve_traffic',
  },
  'read sync': sudoOnly,
  'request sync': sudoOnly,
  'move user': sudoOnly,
  'reset all users': sudoOnly,
  'reset admin usage': sudoOnly,
  'change limits': sudoOnly,
}
