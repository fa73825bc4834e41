/** Bytes of each unit. Those with an i are powers of 1024. */
const units: Readonly<Record<string, bigint>> = Object.fromEntries([
  ['B', 1n],
  ...['K', 'M', 'G', 'T', 'P'].flatMap((letter, index): [string, bigint][] => [
    [`${letter}B`, 1000n ** BigInt(index + 1)],
    [`${letter}iB`, 1024n ** BigInt(index + 1)],
  ]),
])

/**
 * The bytes of a size such as `1TB`, `1.5 TiB` or `-100GB`, exactly. 1 TB is 1000 GB, 1 TiB is 1024 GiB.
 *
 * @returns a text that says what is right, for what is no size or not a whole number of bytes.
 */
export function readSize(text: string): bigint | string {
  const [, sign, whole = '', fraction = '', name = ''] =
    /^([-−]?)(\d{1,30})(?:\.(\d{1,30}))? ?([A-Za-z]+)?$/.exec(text) ?? []
  const unit = Object.hasOwn(units, name) ? units[name] : undefined
  if (whole === '' || unit === undefined) {
    return `"${text}" is not a size: write a number and one of ${Object.keys(units).join(', ')}, such as 1TB or 1.5TiB.`
  }
  const scaled = BigInt(whole + fraction) * unit
  const scale = 10n ** BigInt(fraction.length)
  if (scaled % scale !== 0n) return `"${text}" is not a whole number of bytes: write fewer digits.`
  const bytes = scaled / scale
  return sign ? -bytes : bytes
}

/** Bytes for people, with the exact number: `1.02 TB (1020000000000 bytes)`. Digits are cut, not rounded up. */
export function writeSize(bytes: bigint): string {
  const size = bytes < 0n ? -bytes : bytes
  const name = ['PB', 'TB', 'GB', 'MB', 'KB'].find((each) => size >= (units[each] ?? 1n))
  if (name === undefined) return `${bytes} bytes`
  const hundredths = (size * 100n) / (units[name] ?? 1n)
  const sign = bytes < 0n ? '-' : ''
  const fraction = String(hundredths % 100n).padStart(2, '0')
  return `${sign}${hundredths / 100n}.${fraction} ${name} (${bytes} bytes)`
}
