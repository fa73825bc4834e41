import { LedgerError } from '../../errors.ts'

/** One body that is being read. */
export type Upload = {
  /** Told of each piece, before it is kept. */
  add(bytes: number): void
  /** The body is there, and is kept until it is sent on. */
  complete(): void
  /** Nothing of it is kept any longer; safe to call again. */
  end(): void
}

export type UploadDesk = {
  /**
   * Admits a body.
   *
   * @param client whose limit it counts against.
   * @param refuse called when it has to make way for others, at most once and not after its end.
   */
  admit(client: string, refuse: (error: LedgerError) => void): Upload
}

export type UploadLimits = {
  /** Unfinished bodies of one client, and of all. */
  perClient: number
  atOnce: number
  /** Bytes kept of all bodies, finished ones that are not sent yet included. */
  bytes: number
}

type Admitted = { client: string; bytes: number; refuse: (error: LedgerError) => void }

/**
 * Bounds the bodies that are being received. Where there are too many, the one that has been unfinished for longest makes
 * way: an honest body is there within moments, so whoever only holds a place loses it, and everybody else is served, also
 * when all share one address.
 */
export function createUploadDesk({ perClient, atOnce, bytes: mostBytes }: UploadLimits): UploadDesk {
  /** In the order of their beginning. */
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
          // The last to be refused is this one.
          while (kept > mostBytes && unfinished.has(mine)) refuseOldest(tooMany())
        },
        complete: () => leave(mine),
        end: () => forget(mine),
      }
    },
  }
}

function tooManyOfOne(): LedgerError {
  const why = 'Too many uploads from here are unfinished, and this one is the oldest; send it again.'
  return new LedgerError('rate_limited', why, { retryAfter: 1 })
}

function tooMany(): LedgerError {
  return new LedgerError('overloaded', 'Too many uploads are unfinished; send yours again.', {
    retryAfter: 5,
  })
}
