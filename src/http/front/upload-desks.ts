import type { Front } from '../../work/front/front.ts'
import type { Desks } from './receive-body.ts'
import { createUploadDesk } from './upload-desk.ts'

export type UploadDesks = {
  /**
   * Where the body of a request is received.
   *
   * @param address of its client.
   * @param token that it sends to the panel; null: none.
   */
  of(address: string, token: string | null): { client: string; desks: Desks }
}

/**
 * The places for bodies. All of them together keep at most 64 MiB: 16 of small bodies, 32 of large ones by admins that
 * the panel knows, 16 of large ones by strangers. They are kept in memory, not on a disk that strangers could fill: only
 * configurations of the panel's core are large, and few of them are sent.
 */
export function createUploadDesks({ callerOf }: Pick<Front, 'callerOf'>): UploadDesks {
  const mib = 1024 * 1024
  const small = createUploadDesk({ perClient: 32, atOnce: 256, bytes: 16 * mib })
  const ofAdmins = createUploadDesk({ perClient: 2, atOnce: 64, bytes: 32 * mib })
  const ofStrangers = createUploadDesk({ perClient: 2, atOnce: 64, bytes: 16 * mib })
  return {
    of: (client, token) => ({
      client,
      desks: {
        small,
        async large() {
          const caller = await callerOf(token)
          return caller ? { desk: ofAdmins, client: caller.name } : { desk: ofStrangers, client }
        },
      },
    }),
  }
}
