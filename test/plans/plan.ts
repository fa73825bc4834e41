import type { CompiledQuery } from 'kysely'
import type { Client } from 'pg'

/** What a statement reads of the large tables. */
export type Reading = {
  /** Tables that are read from end to end. */
  walked: string[]
  /** Rows that were read and left out. */
  removed: number
  /** Rows that were read. */
  rows: number
}

type Node = {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  'Rows Removed by Join Filter'?: number
  Plans?: Node[]
}

/** Carries a statement out, undoes it, and says what it read of `tables`. */
export async function readingOf(
  client: Client,
  { sql, parameters }: CompiledQuery,
  tables: readonly string[],
): Promise<Reading> {
  await client.query('begin')
  try {
    const { rows } = await client.query(`explain (analyze, timing off, format json) ${sql}`, [...parameters])
    const nodes = flatten(rows[0]['QUERY PLAN'][0].Plan)
    const scans = nodes.filter(
      (node) => tables.includes(node['Relation Name'] ?? '') && /Scan/.test(node['Node Type']),
    )
    const perRun = (
      node: Node,
      ...keys: ('Actual Rows' | `Rows Removed by ${'Filter' | 'Index Recheck' | 'Join Filter'}`)[]
    ) => keys.reduce((sum, key) => sum + (node[key] ?? 0), 0) * node['Actual Loops']
    const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
    return {
      walked: scans
        .filter((node) => node['Node Type'].includes('Seq Scan'))
        .map((node) => node['Relation Name'] ?? ''),
      removed: sum([
        ...scans.map((node) => perRun(node, 'Rows Removed by Filter', 'Rows Removed by Index Recheck')),
        ...nodes
          .filter((node) => flatten(node).some((below) => scans.includes(below)))
          .map((node) => perRun(node, 'Rows Removed by Join Filter')),
      ]),
      rows: sum(scans.map((node) => perRun(node, 'Actual Rows'))),
    }
  } finally {
    await client.query('rollback')
  }
}

function flatten(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)]
}
