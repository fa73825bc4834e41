/** Releases of Marzban that answer differently. */
export type Release = '0.5.2' | '0.7.0' | '0.8.4'

/** In what releases differ, as far as the ledger meets it. */
export type Traits = {
  release: Release
  /** Has admins' usage, its routes, and `active-next`. */
  is08: boolean
  /** Shows `users_usage`. */
  hasUsage: boolean
  /** Says what it has done: `{"detail": ...}`; older ones answer `{}`, and `200 []` when nobody has expired. */
  saysDone: boolean
  /** Answers 500 when it has deleted a user without an owner. */
  stumblesOverMissingOwner: boolean
}

/** What 0.5.2, 0.7.0 and 0.8.4 were seen to do. */
export function traitsOf(release: Release): Traits {
  const is08 = release === '0.8.4'
  return {
    release,
    is08,
    hasUsage: is08,
    saysDone: release !== '0.5.2',
    stumblesOverMissingOwner: is08,
  }
}
