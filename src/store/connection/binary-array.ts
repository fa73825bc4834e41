/** The types of which statements are given arrays, and what a value of them is here; `timestamp`: text, of UTC. */
export type Values = {
  bigint: bigint
  boolean: boolean
  integer: number
  text: string
  timestamp: string
  timestamptz: Date
}

/** How values of a type stand in PostgreSQL's binary format. */
type Format<Value> = {
  /** The type's number in `pg_type`. */
  oid: number
  /** How many bytes the value takes at most. */
  atMost(value: Value): number
  /** Returns how many bytes it has written. */
  write(target: Target, value: Value, at: number): number
  /** Makes of the array what it is to be; left out: it is that. */
  cast?: string
}

/** The same bytes twice: each writes some kinds of values many times faster than the other. */
type Target = { buffer: Buffer; view: DataView }

const text: Format<string> = {
  oid: 25,
  // A unit of UTF-16 takes at most three bytes of UTF-8.
  atMost: (value) => 3 * value.length,
  write: ({ buffer }, value, at) => buffer.write(value, at),
}

const formats: { [Type in keyof Values]: Format<Values[Type]> } = {
  bigint: { oid: 20, atMost: () => 8, write: writeBigint },
  boolean: {
    oid: 16,
    atMost: () => 1,
    write: ({ buffer }, value, at) => buffer.writeUInt8(Number(value), at) - at,
  },
  integer: {
    oid: 23,
    atMost: () => 4,
    write: ({ buffer }, value, at) => buffer.writeInt32BE(value, at) - at,
  },
  text,
  timestamp: { ...text, cast: '::text[]::timestamp[]' },
  timestamptz: {
    oid: 1184,
    atMost: () => 8,
    write: (target, value, at) => writeBigint(target, microsecondsSince2000(value), at),
  },
}

function writeBigint({ view }: Target, value: bigint, at: number): number {
  // What does not fit would be cut off.
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} does not fit into a bigint.`)
  view.setBigInt64(at, value)
  return 8
}

function microsecondsSince2000(time: Date): bigint {
  return BigInt(time.getTime() - Date.UTC(2000)) * 1_000n
}

/** What follows an array of {@link toBinaryArray} in the text of a statement, so that it is one of this type. */
export function castOf(type: keyof Values): string {
  return formats[type].cast ?? `::${type}[]`
}

const headerBytes = 20

/**
 * An array as PostgreSQL's `array_recv` reads it: how many dimensions, whether there are nulls, the type, how many values, the
 * first index; then of each value its length, -1 for null, and its bytes. To write numbers as text takes ten times as long. The
 * driver sends a Buffer as it is.
 *
 * @throws RangeError when a value does not fit into its type.
 */
export function toBinaryArray<Type extends keyof Values>(
  type: Type,
  values: readonly (Values[Type] | null)[],
): Buffer {
  const { oid, atMost, write }: Format<Values[Type]> = formats[type]
  let bytesAtMost = headerBytes
  for (const value of values) bytesAtMost += 4 + (value === null ? 0 : atMost(value))
  const buffer = Buffer.allocUnsafe(bytesAtMost)
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  const target = { buffer, view }
  let hasNulls = false
  let at = headerBytes
  for (const value of values) {
    const begin = at + 4
    const bytes = value === null ? null : write(target, value, begin)
    hasNulls ||= bytes === null
    view.setInt32(at, bytes ?? -1)
    at = begin + (bytes ?? 0)
  }
  for (const [place, part] of [1, Number(hasNulls), oid, values.length, 1].entries())
    view.setInt32(4 * place, part)
  return buffer.subarray(0, at)
}
