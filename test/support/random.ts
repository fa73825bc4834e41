/** A repeatable source of chance: a whole number from 0 on, less than `below`. */
export type Random = (below: number) => number

/** The chance that `seed` stands for: what it made fail can be run again. */
export function createRandom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** One of `items`; undefined when there is none. */
export function oneOf<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[random(items.length)]
}

/** One of `items`, each as likely as its weight says. */
export function weighted<Item extends { weight: number }>(random: Random, items: readonly Item[]): Item {
  let left = random(items.reduce((sum, { weight }) => sum + weight, 0))
  for (const item of items) {
    left -= item.weight
    if (left < 0) return item
  }
  throw new Error('nothing to choose from')
}
