import type { Front } from '../../work/front/front.ts'
import type { Pools } from './receive-body.ts'
import { createUploadPool } from './upload-pool.ts'

export type UploadPools = {
  /**
   * The pools for the body of a request.
   *
   * @param address the client's.
   * @param token the client's token of the panel; null: it sends none.
   */
  of(address: string, token: string | null): { client: string; pools: Pools }
}

/**
 * The pools for bodies. Together they keep at most 64 MiB: 16 of small bodies, 32 of large bodies of the panel's admins, 16 of
 * large bodies of strangers. They are in memory: strangers could fill a disk. Only configurations of the panel's core are
 * large, and they are rare.
 */
export function createUploadPools({ callerOf }: Pick<Front, 'callerOf'>): UploadPools {
  const mib = 1024 * 1024
  const small = createUploadPool({ perClient: 32, atOnce: 256, bytes: 16 * mib })
  const ofAdmins = createUploadPool({ perClient: 2, atOnce: 64, bytes: 32 * mib })
  const ofStrangers = createUploadPool({ perClient: 2, atOnce: 64, bytes: 16 * mib })
  return {
    of: (client, token) => ({
      client,
      pools: {
        small,
        async large() {
          const caller = await callerOf(token)
          return caller ? { pool: ofAdmins, client: caller.name } : { pool: ofStrangers, client }
        },
      },
    }),
  }
}
