import { timingSafeEqual } from 'node:crypto'
import DataLoader from 'dataloader'
import { isLedgerError, LedgerError } from '../../errors.ts'
import type { Database } from '../../store/connection/database.ts'
import { findPresentedKeys, noteKeysUsed, type PresentedKey } from '../../store/keys/presented-keys.ts'
import type { Caller } from './caller.ts'
import { readKeyText } from './key-text.ts'
import { digest } from './secret.ts'

/** Identifies the holders of API keys. */
export type KeyCallers = {
  /** Whether this key was right when it was last shown. It can be revoked since then. Reads nothing. */
  isProven(text: string): boolean
  /**
   * The caller behind a key. The key is read anew each time, so what was revoked on any replica is refused at once. Notes
   * the use, at most once a minute, if the database takes the note.
   *
   * @throws `unauthenticated` for an unknown, revoked or expired key, without telling which; `forbidden` when the admin that
   *   it acts for is gone.
   */
  callerOf(text: string): Promise<Caller>
}

/** A statement must stay short, also when thousands ask at once. */
const mostKeys = 100
/** A flood of keys must not fill the memory. */
const provenAtMost = 10_000
/** No secret has this digest. */
const nothing = Buffer.alloc(32)

export function createKeyCallers(db: Database): KeyCallers {
  // What is asked at the same moment shares one statement; nothing is kept.
  const sharing = {
    cache: false,
    maxBatchSize: mostKeys,
    batchScheduleFn: (dispatch: () => void) => void setImmediate(dispatch),
  }
  const rows = new DataLoader<bigint, PresentedKey | null>(async (ids) => {
    const byId = new Map((await findPresentedKeys(db, [...new Set(ids)])).map((key) => [key.id, key]))
    return ids.map((id) => byId.get(id) ?? null)
  }, sharing)
  const uses = new DataLoader<bigint, true>(async (ids) => {
    await noteKeysUsed(db, [...new Set(ids)])
    return ids.map(() => true)
  }, sharing)

  /** A full disk, or a standby in the primary's place, takes no note, and still answers what callers read. */
  const noteUse = async (id: bigint): Promise<void> => {
    try {
      await uses.load(id)
    } catch (error) {
      if (!isLedgerError(error, 'database_unavailable')) throw error
    }
  }

  const proven = new Set<string>()
  const remember = (fingerprint: string): void => {
    if (proven.has(fingerprint)) return
    const [oldest] = proven
    if (proven.size >= provenAtMost && oldest !== undefined) proven.delete(oldest)
    proven.add(fingerprint)
  }

  return {
    isProven: (text) => proven.has(fingerprintOf(text)),

    async callerOf(text) {
      const parts = readKeyText(text)
      const given = digest(parts?.secret ?? text)
      const key = parts && (await rows.load(parts.id))
      const isRight = timingSafeEqual(given, key?.secretHash ?? nothing)
      if (!key || !isRight || !key.isValid) {
        proven.delete(fingerprintOf(text))
        throw new LedgerError('unauthenticated', 'This API key is unknown, revoked or expired.')
      }
      remember(fingerprintOf(text))
      refuseWithoutAdmin(key)
      if (key.isUseDue) await noteUse(key.id)
      return toCaller(key)
    },
  }
}

function fingerprintOf(text: string): string {
  return digest(text).toString('base64')
}

/**
 * The panel itself cannot refuse an admin that is gone: it never sees a key.
 *
 * @throws `forbidden`.
 */
function refuseWithoutAdmin({ admin, closedAt, missingSince }: PresentedKey): void {
  if (closedAt) {
    throw new LedgerError('forbidden', `This key acts for the admin ${admin}, whose account is closed.`)
  }
  if (missingSince) {
    throw new LedgerError(
      'forbidden',
      `This key acts for the admin ${admin}, and the panel has no such admin.`,
    )
  }
}

function toCaller({ id, role, access, adminId, admin }: PresentedKey): Caller {
  return {
    kind: 'key',
    name: admin ?? `key:${id}`,
    role,
    access,
    isSudo: role === 'sudo',
    adminId,
    token: null,
  }
}
