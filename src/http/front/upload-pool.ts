import { LedgerError } from '../../errors.ts'

/** One body that is being read. */
export type Upload = {
  /** Call it for each piece, before you keep the piece. */
  add(bytes: number): void
  /** The body is complete, and kept until it is sent on. */
  complete(): void
  /** Nothing of the body is kept any longer. Safe to call again. */
  end(): void
}

export type UploadPool = {
  /**
   * Admits a body.
   *
   * @param client the body counts against the limit of this client.
   * @param refuse called when the body must make room for others: at most once, and not after its end.
   */
  admit(client: string, refuse: (error: LedgerError) => void): Upload
}

export type UploadLimits = {
  /** The most unfinished bodies, of one client and of all. */
  perClient: number
  atOnce: number
  /** The most bytes of all bodies, with those of finished bodies that are not sent yet. */
  bytes: number
}

type Admitted = { client: string; bytes: number; refuse: (error: LedgerError) => void }

/**
 * Limits the bodies that are being received. Where there are too many, the oldest unfinished one must go. An honest body is
 * complete within moments, so an upload that only holds a place loses it, and all others are served, even if they share one
 * address.
 */
export function createUploadPool({ perClient, atOnce, bytes: mostBytes }: UploadLimits): UploadPool {
  /** The oldest first. */
  const unfinished = new Set<Admitted>()
  const unfinishedOf = new Map<string, number>()
  let kept = 0

  const leave = (upload: Admitted): void => {
    if (!unfinished.delete(upload)) return
    const others = (unfinishedOf.get(upload.client) ?? 1) - 1
    if (others === 0) unfinishedOf.delete(upload.client)
    else unfinishedOf.set(upload.client, others)
  }

  const forget = (upload: Admitted): void => {
    leave(upload)
    kept -= upload.bytes
    upload.bytes = 0
  }

  const refuseOldest = (error: LedgerError, of?: string): void => {
    for (const upload of unfinished) {
      if (of !== undefined && upload.client !== of) continue
      forget(upload)
      upload.refuse(error)
      return
    }
  }

  return {
    admit(client, refuse) {
      const mine: Admitted = { client, bytes: 0, refuse }
      const ofClient = unfinishedOf.get(client) ?? 0
      if (ofClient >= perClient) refuseOldest(tooManyOfOne(), client)
      else if (unfinished.size >= atOnce) refuseOldest(tooMany())
      unfinished.add(mine)
      unfinishedOf.set(client, (unfinishedOf.get(client) ?? 0) + 1)
      return {
        add(bytes) {
          if (!unfinished.has(mine)) return
          mine.bytes += bytes
          kept += bytes
          // This one is the last to be refused.
          while (kept > mostBytes && unfinished.has(mine)) refuseOldest(tooMany())
        },
        complete: () => leave(mine),
        end: () => forget(mine),
      }
    },
  }
}

function tooManyOfOne(): LedgerError {
  const why = 'Too many uploads from this client are unfinished, and this is the oldest; send it again.'
  return new LedgerError('rate_limited', why, { retryAfter: 1 })
}

function tooMany(): LedgerError {
  return new LedgerError('overloaded', 'Too many uploads are unfinished; send yours again.', {
    retryAfter: 5,
  })
}
