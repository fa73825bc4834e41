/** The database of the panel: it decides which names are the same, and how exact times are. */
export type PanelDatabase = 'sqlite' | 'mysql'

const letters = new Intl.Collator('en', { sensitivity: 'base' })

/** MySQL pads what it compares: spaces at the end never count. */
function unpadded(name: string): string {
  return name.replace(/ +$/, '')
}

/** Whether the panel takes two names of users for the same: on MySQL case and accents count (`utf8mb4_bin`). */
export function isSameUser(database: PanelDatabase, one: string, other: string): boolean {
  return database === 'mysql' ? unpadded(one) === unpadded(other) : one === other
}

/** Whether the panel takes two names of admins for the same: on MySQL `EVE`, `éve` and `eve ` are (`general_ci`). */
export function isSameAdmin(database: PanelDatabase, one: string, other: string): boolean {
  return database === 'mysql' ? letters.compare(unpadded(one), unpadded(other)) === 0 : one === other
}

/**
 * Whether the panel finds `name` when it is asked for names that contain `part`: SQL's LIKE, so that `%` and `_` in `part`
 * stand for other letters, and on MySQL a backslash takes that meaning away and is itself not looked for.
 */
export function contains(database: PanelDatabase, name: string, part: string): boolean {
  const fold = (text: string) =>
    database === 'mysql'
      ? text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
      : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  let pattern = ''
  let isEscaped = false
  for (const letter of fold(part)) {
    if (database === 'mysql' && letter === '\\' && !isEscaped) {
      isEscaped = true
      continue
    }
    if (letter === '%' && !isEscaped) pattern += '.*'
    else if (letter === '_' && !isEscaped) pattern += '.'
    else pattern += letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
    isEscaped = false
  }
  return new RegExp(pattern, 'su').test(fold(name))
}
