/**
 * What is odd about a user: a value that changes nothing for who counts; one that leaves its bytes in doubt; or one over
 * which the panel stumbles in everything that it lists or shows. Or the panel fails when it is asked to change the user; or it
 * does not answer that, nor what is asked about the user by name from then on.
 */
export type Spoil =
  | 'odd limit'
  | 'odd expiry'
  | 'odd status'
  | 'missing fields'
  | 'half a byte'
  | 'beyond all numbers'
  | 'no creation'
  | 'breaks'
  | 'cannot be changed'
  | 'silent'

export const spoils: readonly Spoil[] = [
  'odd limit',
  'odd expiry',
  'odd status',
  'missing fields',
  'half a byte',
  'beyond all numbers',
  'no creation',
  'breaks',
  'cannot be changed',
  'silent',
]

const harmless = new Set<Spoil>([
  'odd limit',
  'odd expiry',
  'odd status',
  'missing fields',
  'cannot be changed',
])

/** Whether the panel itself fails about the user, whatever it is asked to do with it. */
export function keepsService(spoil: Spoil | undefined): boolean {
  return spoil === 'breaks' || spoil === 'cannot be changed' || spoil === 'silent'
}

/** Whether the panel still serves the user, and does not say whether. */
export function hidesStatus(spoil: Spoil | undefined): boolean {
  return spoil === 'odd status' || spoil === 'missing fields'
}

/** Whether the user can be counted all the same. */
export function isReadable(spoil: Spoil | undefined): boolean {
  return spoil === undefined || harmless.has(spoil)
}

/** What a user shows that is odd. */
export function spoilt(spoil: Spoil): Record<string, unknown> {
  switch (spoil) {
    case 'odd limit':
      return { data_limit: 2n ** 63n - 1n }
    case 'odd expiry':
      return { expire: -1 }
    case 'odd status':
      return { status: 'paused' }
    case 'missing fields':
      return { data_limit: undefined, expire: undefined, status: undefined }
    case 'half a byte':
      return { lifetime_used_traffic: 10.5 }
    case 'beyond all numbers':
      return { lifetime_used_traffic: 2n ** 63n }
    case 'no creation':
      return { created_at: undefined }
    case 'breaks':
    case 'cannot be changed':
    case 'silent':
      return {}
  }
}
