const base = new Intl.Collator('en', { sensitivity: 'base' })

/** Whether a panel on MySQL may take two names for the same: they differ in case and accents alone. */
export function areAlike(one: string, other: string): boolean {
  return base.compare(one, other) === 0
}
