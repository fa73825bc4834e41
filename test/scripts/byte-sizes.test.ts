import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSize, writeSize } from '../../scripts/byte-sizes.ts'

test.each([
  ['1TB', 10n ** 12n],
  ['1TiB', 2n ** 40n],
  ['1.5 TB', 1_500_000_000_000n],
  ['1.5TiB', 3n * 2n ** 39n],
  ['0.001KB', 1n],
  ['9007199254740993B', 9_007_199_254_740_993n],
  ['8PiB', 2n ** 53n],
  ['0.000000000000001PB', 1n],
  ['-100GB', -(10n ** 11n)],
  ['−100GB', -(10n ** 11n)],
  ['0B', 0n],
])('%s is %s bytes', (text, bytes) => {
  expect(readSize(text)).toBe(bytes)
})

test.each([
  ['', 'is not a size'],
  ['1', 'is not a size'],
  ['TB', 'is not a size'],
  ['1tb', 'is not a size'],
  ['1Tb', 'is not a size'],
  ['1TIB', 'is not a size'],
  ['1EB', 'is not a size'],
  ['1e3GB', 'is not a size'],
  ['1,5TB', 'is not a size'],
  ['1.TB', 'is not a size'],
  ['.5TB', 'is not a size'],
  ['1 T B', 'is not a size'],
  ['0x10GB', 'is not a size'],
  ['1constructor', 'is not a size'],
  ['0.5B', 'not a whole number of bytes'],
  ['0.0001KB', 'not a whole number of bytes'],
  ['0.1KiB', 'not a whole number of bytes'],
])('"%s" is refused: %s', (text, reason) => {
  expect(readSize(text)).toContain(reason)
})

test('every number of bytes is read back exactly, in every unit in which it is whole', () => {
  const powers = { B: 0, KB: 3, MB: 6, GB: 9, TB: 12, PB: 15 }
  const anyBytes = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n })
  fc.assert(
    fc.property(anyBytes, fc.constantFrom(...Object.entries(powers)), (bytes, [unit, power]) => {
      const digits = String(bytes < 0n ? -bytes : bytes).padStart(power + 1, '0')
      const text = `${digits.slice(0, digits.length - power)}${power === 0 ? '' : `.${digits.slice(-power)}`}`
      expect(readSize(`${bytes < 0n ? '-' : ''}${text}${unit}`)).toBe(bytes)
      expect(writeSize(bytes)).toContain(`${bytes} bytes`)
    }),
  )
})

test.each([
  [1_020_000_000_000n, '1.02 TB (1020000000000 bytes)'],
  [2n ** 40n, '1.09 TB (1099511627776 bytes)'],
  [999n, '999 bytes'],
  [-1_500n, '-1.50 KB (-1500 bytes)'],
  // Not 1.00 TB: a limit must not look reached before it is.
  [999_999_999_999n, '999.99 GB (999999999999 bytes)'],
])('%s is written as %s', (bytes, text) => {
  expect(writeSize(bytes)).toBe(text)
})
