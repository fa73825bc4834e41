/** Whether `name` is a time zone of the IANA database that this Node.js knows. */
export function isZone(name: string): boolean {
  // An offset such as +03:30 is no zone: it knows no daylight saving time, and people would take it for one.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** `name` in the letters of the IANA database. An alias such as Asia/Kolkata keeps its name; its letters too if no list has it. */
export function zoneInItsSpelling(name: string): string {
  const resolved = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
  const known = [resolved, ...Intl.supportedValuesOf('timeZone')]
  return known.find((zone) => zone.toLowerCase() === name.toLowerCase()) ?? name
}

/** The names of the zones that look most like `name`. */
export function nearestZones(name: string, count = 3): string[] {
  const distance = (zone: string) =>
    Math.min(editDistance(name, zone), editDistance(lastPart(name), lastPart(zone)))
  return Intl.supportedValuesOf('timeZone')
    .map((zone) => ({ zone, distance: distance(zone) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ zone }) => zone)
}

function lastPart(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1)
}

/** How many letters have to be added, removed or replaced to make one text of the other. */
function editDistance(first: string, second: string): number {
  const [from, to] = [first.toLowerCase(), second.toLowerCase()]
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
