/** The value of a variable; undefined when it counts as not set: when it is empty, or blanks alone, as in the service. */
export function ifSet(value: string | undefined): string | undefined {
  return value?.trim() ? value : undefined
}
