export type Admin = {
  username: string
  password: string
  isSudo: boolean
  usage: bigint
  shown?: Shown
}

/**
 * Fields that answers show otherwise than they are kept: any value, as odd as a panel's database, a fork or a plug-in may
 * make it. `undefined`: the field is left out. Integers beyond 2^53 are bigints; `JSON.rawJSON` writes any text.
 */
export type Shown = Record<string, unknown>

export type NextPlan = {
  data_limit: bigint | number
  expire: number | null
  add_remaining_traffic: boolean
  fire_on_either: boolean
}

export type User = {
  username: string
  owner: Admin | null
  createdAt: string
  status: string
  used: bigint
  /** Bytes of earlier resets: the panel's `lifetime_used_traffic` is `used` and these. */
  past: bigint
  dataLimit: bigint | number | null
  resetStrategy: string
  expire: bigint | number | null
  note: string | null
  onlineAt: string | null
  onHoldExpireDuration: bigint | number | null
  onHoldTimeout: string | null
  editedAt: string | null
  lastResetAt: string | null
  nextPlan: NextPlan | null
  proxies: Record<string, object>
  inbounds: Record<string, string[]>
  token: string
  shown?: Shown
}

export type NewUser = Partial<
  Pick<
    User,
    | 'status'
    | 'dataLimit'
    | 'expire'
    | 'note'
    | 'createdAt'
    | 'nextPlan'
    | 'onHoldExpireDuration'
    | 'onHoldTimeout'
    | 'shown'
  >
> & {
  admin?: string | null
  resetStrategy?: string
  lifetime?: bigint
}

/** Bytes a user consumed since it was created, as the panel reports them. */
export function lifetimeOf(user: User): bigint {
  return user.used + user.past
}
