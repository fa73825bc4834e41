const base = new Intl.Collator('en', { sensitivity: 'base' })

/**
 * Whether a panel on MySQL may take two names of admins for the same one: it looks at neither case nor accents nor spaces
 * at the end. What else a collation of MySQL does not tell apart, this does: who looks an admin up and does not find it must
 * not conclude that the panel finds none.
 */
export function panelTreatsAsSame(one: string, other: string): boolean {
  return base.compare(withoutPadding(one), withoutPadding(other)) === 0
}

/** Spaces only: to MySQL a tab at the end is a letter like any other. */
function withoutPadding(name: string): string {
  return name.replace(/ +$/, '')
}
