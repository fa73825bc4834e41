import { LedgerError } from '../../errors.ts'
import type { KeyAccess, KeyRole } from '../../store/key-tables.ts'
import { auditName, type Caller } from './caller.ts'

/** Something that belongs to an account; null: it belongs to nobody. */
export type Owned = { adminId: bigint | null }

/** A receipt; `requestedBy` is the {@link auditName} of its caller. */
export type Receipt = { requestedBy: string }

/** A key to be made. */
export type NewKey = Owned & { role: KeyRole }

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
  /** An account's keys; of no account: all keys. */
  'read keys': Owned
  'make key': NewKey
  'revoke key': Owned
  'read audit': null
}

export type Action = keyof Targets

/** The actions that have no single target. */
export type GeneralAction = { [A in Action]: Targets[A] extends null ? A : never }[Action]

type Rule<Target> = {
  /** What a key must allow. */
  needs: KeyAccess
  /** Whether keys may do this at all; left out: they may. */
  isForKeys?: false
  /** Whether a caller that has not the rights of a sudo admin may do this; null: never. */
  allows: ((caller: Caller, target: Target) => boolean) | null
  refusal: string
  /** The parameter to blame. */
  field?: string
}

/**
 * The one rule about rights: routes, bulk deletions and the front all ask it. It knows nothing about tokens. Where the panel
 * acts with a caller's token, the panel's own rule comes on top.
 */
export function may<A extends Action>(caller: Caller, action: A, target: Targets[A]): boolean {
  const reach = reachOf(caller, action)
  return reach === 'own' ? rules[action].allows?.(caller, target) === true : reach === 'all'
}

/** How far a right goes: to every target, to the caller's own ones, or nowhere. */
export type Reach = 'all' | 'own' | 'none'

/** How far the right of a caller to an action goes. */
export function reachOf(caller: Caller, action: Action): Reach {
  if (refusalOfKey(caller, action) !== null) return 'none'
  if (caller.isSudo) return 'all'
  return rules[action].allows === null ? 'none' : 'own'
}

/** @throws `forbidden` when the caller may not do this. */
export function requireRight<A extends Action>(caller: Caller, action: A, target: Targets[A]): void {
  if (!may(caller, action, target)) throw refusalOf(caller, action)
}

/** @throws `forbidden` when the caller may do this to no target at all. */
export function requireReach(caller: Caller, action: Action): void {
  if (reachOf(caller, action) === 'none') throw refusalOf(caller, action)
}

function refusalOf(caller: Caller, action: Action): LedgerError {
  const { refusal, field } = rules[action]
  const ofKey = refusalOfKey(caller, action)
  return ofKey === null
    ? new LedgerError('forbidden', refusal, { field })
    : new LedgerError('forbidden', ofKey)
}

/** Why a key may not do this, whoever's it is; null: it may, or the caller has none. */
function refusalOfKey(caller: Caller, action: Action): string | null {
  if (caller.kind !== 'key') return null
  const { needs, isForKeys = true } = rules[action]
  if (caller.role === 'metrics') {
    return 'This key has the role metrics: this call needs a key with the role sudo or admin.'
  }
  if (!isForKeys) {
    return 'Keys neither make nor revoke keys: send the token of a Marzban admin, or the key of API_KEY.'
  }
  return needs === 'write' && caller.access === 'read'
    ? 'This key may only read: this call needs a key with the access write.'
    : null
}

const owner = (caller: Caller, { adminId }: Owned) => adminId !== null && adminId === caller.adminId
const readOfSudo: Rule<null> = {
  needs: 'read',
  allows: null,
  refusal: 'This call is for sudo admins, for API keys with the role sudo and for the key of API_KEY.',
}
const changeOfSudo: Rule<null> = { ...readOfSudo, needs: 'write' }

const rules: { [A in Action]: Rule<Targets[A]> } = {
  'list accounts': readOfSudo,
  'read account': {
    needs: 'read',
    allows: owner,
    refusal: 'This account belongs to another admin; yours is /admins/me.',
  },
  'delete user': { needs: 'write', allows: owner, refusal: 'This user belongs to another admin.' },
  'delete users': { needs: 'write', allows: owner, refusal: 'These users belong to another admin.' },
  'delete any user': changeOfSudo,
  'delete admin': changeOfSudo,
  'read any deletion': readOfSudo,
  'cancel deletion': {
    needs: 'write',
    allows: (caller, { requestedBy }) => requestedBy === auditName(caller),
    refusal: 'Another caller asked for this deletion; only that caller or a sudo admin may cancel it.',
  },
  'lose unread traffic': {
    needs: 'write',
    allows: null,
    refusal: 'Only a sudo admin may send preserve_traffic=false.',
    field: 'preserve_traffic',
  },
  'read sync': readOfSudo,
  'request sync': changeOfSudo,
  'move user': changeOfSudo,
  'reset all users': changeOfSudo,
  'reset admin usage': changeOfSudo,
  'change limits': changeOfSudo,
  'read keys': { needs: 'read', allows: owner, refusal: 'These keys belong to another admin.' },
  'make key': {
    needs: 'write',
    isForKeys: false,
    allows: (caller, { role, adminId }) => role === 'admin' && owner(caller, { adminId }),
    refusal: 'You may make keys with the role admin and for your own account only.',
  },
  'revoke key': {
    needs: 'write',
    isForKeys: false,
    allows: owner,
    refusal: 'This key belongs to another admin.',
  },
  'read audit': readOfSudo,
}
