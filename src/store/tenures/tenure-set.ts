/** 16 MiB: how far apart the ids in one set may be, in bits. */
const spanAtMost = 2n ** 27n

/** A set of ids of tenures: a bit for each. */
export type TenureSet = {
  /** @returns whether there was room: an id too far from the others is left out. */
  add(id: bigint): boolean
  /** The bits of the ids from `first` to `last`, as `get_bit` of PostgreSQL numbers them. */
  toBits(): { first: bigint; last: bigint; bits: Buffer }
}

export function createTenureSet(): TenureSet {
  let bytes = Buffer.alloc(0)
  /** The ids from `first` to before `end` have a bit. */
  let first = 0n
  let end = 0n

  const grow = (from: bigint, to: bigint): void => {
    // Twice as much as before: ids mostly come in their order, and are not to be copied for each.
    const size = Math.max(Number((to - from + 7n) / 8n), Math.min(2 * bytes.length, Number(spanAtMost / 8n)))
    const grown = Buffer.alloc(size)
    if (bytes.length > 0) bytes.copy(grown, Number(first - from) / 8)
    bytes = grown
    first = from
    end = from + BigInt(size) * 8n
  }

  return {
    add(id) {
      const isEmpty = end === first
      // Whole bytes, so that what is there need not be shifted.
      const from = isEmpty || id < first ? id - (id % 8n) : first
      const to = isEmpty || id >= end ? id + 1n : end
      if (to - from > spanAtMost) return false
      if (isEmpty || from < first || to > end) grow(from, to)
      const bit = Number(id - first)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7))
      return true
    },
    toBits: () => ({ first, last: end - 1n, bits: bytes }),
  }
}
