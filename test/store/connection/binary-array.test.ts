import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Values } from '../../../src/store/connection/binary-array.ts'
import { given, givenTable } from '../../../src/store/connection/given.ts'
import { useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

/** What PostgreSQL understands of an array, as text. */
async function understood<Type extends keyof Values>(type: Type, values: readonly (Values[Type] | null)[]) {
  const { rows } = await sql<{ value: string | null }>`
    select value::text from unnest(${given(type, values)}) with ordinality as given (value, place)
    order by place`.execute(ledger.db)
  return rows.map(({ value }) => value)
}

const most = 2n ** 63n - 1n
const instants = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})
// PostgreSQL keeps no text with a character of number 0.
const texts = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))

/** What each value looks like as PostgreSQL's text. */
const written: { [Type in keyof Values]: [fc.Arbitrary<Values[Type]>, (value: Values[Type]) => string] } = {
  bigint: [fc.bigInt({ min: -most - 1n, max: most }), String],
  boolean: [fc.boolean(), String],
  integer: [fc.integer(), String],
  text: [texts, (value) => value],
  timestamp: [
    instants.map((time) => `${time.toISOString().slice(0, -1).replace('T', ' ')}001`),
    (value) => value,
  ],
  timestamptz: [instants, (value) => `${value.toISOString().slice(0, -1).replace('T', ' ')}+00`],
}
/** Without the zeros at the end of a fraction. */
const shortened = (text: string | null) => text?.replace(/\.?0+(?=\+00$|$)(?<=\.\d*)/, '') ?? null

test.each(Object.keys(written) as (keyof Values)[])(
  'PostgreSQL understands values of type %s, nulls among them, and arrays of none',
  async <Type extends keyof Values>(type: Type) => {
    const [value, print] = written[type]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(value)), async (values) => {
        const expected = values.map((each) => (each === null ? null : print(each)))
        const isTime = type.startsWith('timestamp')
        const found = await understood(type, values)
        expect(isTime ? found.map(shortened) : found).toEqual(isTime ? expected.map(shortened) : expected)
      }),
      { numRuns: 60, examples: [[[]], [[null]]] },
    )
  },
)

test('a number that does not fit is refused, not cut off', () => {
  expect(() => given('bigint', [most + 1n])).toThrow(`${most + 1n} does not fit`)
  expect(() => given('bigint', [-most - 2n])).toThrow('does not fit')
  expect(() => given('integer', [2 ** 31])).toThrow(RangeError)
  expect(() => given('timestamptz', [new Date(Number.NaN)])).toThrow(RangeError)
})

test('all that a given table is sent is in the binary format', async () => {
  const table = givenTable<{ id: bigint; name: string }>('given_rows', {
    id: ['bigint', ({ id }) => id],
    name: ['text', ({ name }) => name],
    created_at: ['timestamp', () => '2026-01-02 03:04:05.000006'],
  })
  const query = sql<{ id: bigint; name: string; created_at: string }>`
    select * from ${table([{ id: most, name: 'a "quoted" \\ name' }])}`
  expect(query.compile(ledger.db).parameters.map(Buffer.isBuffer)).toEqual([true, true, true])
  const { rows } = await query.execute(ledger.db)
  expect(rows).toEqual([{ id: most, name: 'a "quoted" \\ name', created_at: '2026-01-02 03:04:05.000006' }])
})
