import { sql } from 'kysely'
import type { Database } from '../../src/store/connection/database.ts'
import type { KeySettings } from '../../src/store/keys/api-keys.ts'
import { makeKey, revokeKey } from '../../src/work/callers/api-keys.ts'
import { keepSecret } from './leaks.ts'

/** Makes a key that nothing that is printed may show. @returns its id, and the text that its holder sends. */
export async function createKey(
  db: Database,
  settings: Partial<KeySettings> = {},
): Promise<{ id: bigint; text: string }> {
  const usual: KeySettings = { name: 'a key', role: 'sudo', access: 'write', adminId: null, expiresAt: null }
  const { key, text } = await makeKey(db, { ...usual, ...settings }, 'api_key')
  keepSecret(text)
  return { id: key.id, text }
}

/** Lets a key expire at this moment. */
export async function expire(db: Database, id: bigint): Promise<void> {
  await sql`update api_keys set expires_at = clock_timestamp() where id = ${id}`.execute(db)
}

export async function revoke(db: Database, id: bigint): Promise<void> {
  await revokeKey(db, id, 'api_key')
}

/** Keys that were never right, are no longer right, or have the wrong secret, by what is wrong with them. */
export async function wrongKeys(db: Database): Promise<Record<string, string>> {
  const [good, revoked, expired] = [await createKey(db), await createKey(db), await createKey(db)]
  await revoke(db, revoked.id)
  await expire(db, expired.id)
  return {
    revoked: revoked.text,
    expired: expired.text,
    'of an unknown id': good.text.replace(`mzl_${good.id}_`, 'mzl_999999999_'),
    'of another id': good.text.replace(`mzl_${good.id}_`, `mzl_${revoked.id}_`),
    'with another secret': `${good.text.slice(0, -2)}${good.text.endsWith('AA') ? 'BB' : 'AA'}`,
    'too long': `${good.text}A`,
    'with a zero before the id': good.text.replace('mzl_', 'mzl_0'),
    'of an id beyond 64 bits': good.text.replace(`mzl_${good.id}_`, 'mzl_9999999999999999999_'),
    'without a secret': `mzl_${good.id}_`,
    'that is only the prefix': 'mzl_',
  }
}
