import { accountIsClosed, type FieldError, LedgerError, noAccount } from '../../errors.ts'
import { findAccount } from '../../store/accounts/queries.ts'
import { type AuditState, writeAudit } from '../../store/audit/audit.ts'
import type { Database, Tx } from '../../store/connection/database.ts'
import { transact } from '../../store/connection/transact.ts'
import {
  type ApiKey,
  countKeys,
  findKey,
  insertKey,
  type KeySettings,
  listKeys,
  markRevoked,
} from '../../store/keys/api-keys.ts'
import { auditName, type Caller } from './caller.ts'
import { createSecret, keyTextOf } from './key-text.ts'
import { may, requireRight } from './may.ts'
import { digest } from './secret.ts'

/** A new key. `text` is what its holder sends; it is stored nowhere, and cannot be shown again. */
export type NewApiKey = { key: ApiKey; text: string }

/** API keys, for callers. */
export type ApiKeys = {
  /** @throws `forbidden`; `invalid_request` with each wrong field; `not_found` for an unknown account; `conflict`. */
  create(caller: Caller, settings: KeySettings): Promise<NewApiKey>
  /** The keys that the caller may see, revoked ones too, the latest first; `before`: only those with a smaller id. */
  list(
    caller: Caller,
    page: { before: bigint | null; limit: number },
  ): Promise<{ items: ApiKey[]; next: bigint | null }>
  /** @throws `not_found` when the caller may see no key with this id. */
  revoke(caller: Caller, id: bigint): Promise<ApiKey>
}

/** The most keys of an account that are not revoked, and of those without an account. */
const mostKeys = 1_000

export function createApiKeys({ db }: { db: Database }): ApiKeys {
  return {
    async create(caller, settings) {
      requireRight(caller, 'make key', settings)
      return makeKey(db, settings, auditName(caller))
    },
    async list(caller, page) {
      if (may(caller, 'read keys', { adminId: null })) return listKeys(db, page)
      const { adminId } = caller
      return adminId === null ? { items: [], next: null } : listKeys(db, { ...page, adminId })
    },
    async revoke(caller, id) {
      const key = await findKey(db, id)
      if (!key || !may(caller, 'read keys', key)) throw noKey(id)
      requireRight(caller, 'revoke key', key)
      return revokeKey(db, id, auditName(caller))
    },
  }
}

/**
 * Makes a key.
 *
 * @param by the name of its maker in the audit trail.
 * @throws `invalid_request` with each wrong field; `not_found` for an unknown account; `conflict` for an account whose admin
 *   is gone, and when there are enough keys.
 */
export async function makeKey(db: Database, settings: KeySettings, by: string): Promise<NewApiKey> {
  checkSettings(settings)
  return transact(db, async (tx) => {
    if (settings.adminId !== null) await refuseWithoutAdmin(tx, settings.adminId)
    if ((await countKeys(tx, settings.adminId)) >= mostKeys) {
      const whose = settings.adminId === null ? 'without an account' : 'of this account'
      throw new LedgerError('conflict', `There are ${mostKeys} keys ${whose}: revoke one that nobody needs.`)
    }
    const secret = createSecret()
    const id = await insertKey(tx, { ...settings, secretHash: digest(secret), createdBy: by })
    const key = id === null ? null : await findKey(tx, id)
    if (!key) throw wrongSettings([{ field: 'expires_at', detail: 'expires_at must be in the future.' }])
    const { adminId } = key
    await writeAudit(tx, { caller: by, action: 'key.created', adminId, before: null, after: stateOf(key) })
    return { key, text: keyTextOf(key.id, secret) }
  })
}

/**
 * Revokes a key: from now on it is refused. One that is revoked already stays as it is.
 *
 * @param by the name of the caller in the audit trail.
 * @throws `not_found`.
 */
export async function revokeKey(db: Database, id: bigint, by: string): Promise<ApiKey> {
  return transact(db, async (tx) => {
    const isNew = await markRevoked(tx, id, by)
    const key = await findKey(tx, id)
    if (!key) throw noKey(id)
    const { adminId } = key
    if (isNew) {
      await writeAudit(tx, { caller: by, action: 'key.revoked', adminId, before: stateOf(key), after: null })
    }
    return key
  })
}

function checkSettings({ role, access, adminId }: KeySettings): void {
  const errors: FieldError[] = []
  if (role === 'admin' && adminId === null) {
    const detail = 'admin is missing; it must be the id of the account that the key acts for.'
    errors.push({ field: 'admin', detail })
  }
  if (role !== 'admin' && adminId !== null) {
    errors.push({ field: 'admin', detail: `admin must be left out for the role ${role}.` })
  }
  if (role === 'metrics' && access === 'write') {
    errors.push({ field: 'access', detail: 'access must be read for the role metrics.' })
  }
  if (errors.length > 0) throw wrongSettings(errors)
}

async function refuseWithoutAdmin(tx: Tx, adminId: bigint): Promise<void> {
  const account = await findAccount(tx, adminId)
  if (!account) throw noAccount(adminId)
  if (account.closedAt) throw accountIsClosed(adminId)
  if (account.missingSince) {
    throw new LedgerError('conflict', `The panel has no admin ${account.username} any more.`)
  }
}

/** A key in the audit trail. */
function stateOf({ id, name, role, access, adminId, expiresAt }: ApiKey): AuditState {
  return { id, name, role, access, admin: adminId, expires_at: expiresAt }
}

function wrongSettings(errors: readonly FieldError[]): LedgerError {
  return new LedgerError('invalid_request', errors.map(({ detail }) => detail).join(' '), { errors })
}

function noKey(id: bigint): LedgerError {
  return new LedgerError('not_found', `There is no key with the id ${id} that you may see.`)
}
