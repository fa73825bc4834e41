import type { KeyAccess, KeyRole } from '../../store/key-tables.ts'

export { auditActions } from '../../store/key-tables.ts'

/**
 * The one that calls: the operator, who holds the configured key; an admin of the panel; the holder of an API key.
 *
 * `adminId`: the caller's own account; null: it has none, as the operator and the sudo account of the panel's environment.
 * `token`: the panel acts with the rights of this token; null: it acts with the service's account, and only `may` decides.
 * `name` of a key with the role `admin`: that admin's, since the key acts for it.
 */
export type Caller =
  | { kind: 'operator'; name: 'operator'; isSudo: true; adminId: null; token: null }
  | { kind: 'admin'; name: string; isSudo: boolean; adminId: bigint | null; token: string | null }
  | {
      kind: 'key'
      name: string
      role: KeyRole
      access: KeyAccess
      isSudo: boolean
      adminId: bigint | null
      token: null
    }

export const operator: Caller = {
  kind: 'operator',
  name: 'operator',
  isSudo: true,
  adminId: null,
  token: null,
}

/**
 * The caller's name in the audit trail and in receipts. An admin can have any name, so no admin's name equals another
 * caller's. A key of an admin has the admin's: otherwise each of its keys would have a share of its own in the turns of
 * deletions.
 */
export function auditName(caller: Caller): string {
  if (caller.kind === 'operator') return 'api_key'
  return caller.kind === 'key' && caller.role !== 'admin' ? caller.name : `admin:${caller.name}`
}
