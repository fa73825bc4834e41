const base = new Intl.Collator('en', { sensitivity: 'base' })

/**
 * Whether a panel on MySQL may treat two names of admins as the same: it ignores case, accents and spaces at the end. MySQL
 * may treat still other names as the same. So when a lookup here finds no admin, the panel may still find one.
 */
export function panelTreatsAsSame(one: string, other: string): boolean {
  return base.compare(withoutPadding(one), withoutPadding(other)) === 0
}

/** Only spaces: MySQL does not ignore a tab at the end. */
function withoutPadding(name: string): string {
  return name.replace(/ +$/, '')
}
