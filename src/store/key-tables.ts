import type { Generated } from 'kysely'

export type KeyRole = 'sudo' | 'admin' | 'metrics'
export type KeyAccess = 'read' | 'write'

export type ApiKeysTable = {
  id: Generated<bigint>
  name: string
  role: KeyRole
  access: KeyAccess
  admin_id: bigint | null
  /** SHA-256. */
  secret_hash: Buffer
  created_at: Generated<Date>
  created_by: string
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
  revoked_by: string | null
}

/** Every change that the audit trail knows. */
export const auditActions = [
  'limit.set',
  'limit.deleted',
  'grant.added',
  'grant.revoked',
  'period.closed',
  'hold.set',
  'hold.released',
  'key.created',
  'key.revoked',
] as const
export type AuditAction = (typeof auditActions)[number]

export type AuditTable = {
  id: Generated<bigint>
  changed_at: Generated<Date>
  caller: string
  action: AuditAction
  admin_id: bigint | null
  before: object | null
  after: object | null
}
