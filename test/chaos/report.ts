import type { Journal } from './journal.ts'
import type { Summary } from './run.ts'

/** What a run has been through, as a table. */
export function tableOf(summary: Summary, journal: Journal): string {
  const { struck, outcomes, receipts, totals } = summary
  const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0)
  const rows: [string, number | bigint | string][] = [
    [`faults in ${journal.seconds} s`, sum(struck.values())],
    ...[...struck].map(([name, count]): [string, number] => [`  ${name}`, count]),
    ['the slowest recovery', `${summary.slowestRecovery} ms`],
    ['operations', summary.operations],
    ...sorted(outcomes).map(([outcome, count]): [string, number] => [`  ${outcome}`, count]),
    ['lines of the service about', ''],
    ...sorted(journal.noticed).map(([what, count]): [string, number] => [`  ${what}`, count]),
    ['receipts', sum(Object.values(receipts))],
    ...Object.entries(receipts).map(([state, count]): [string, number] => [`  ${state}`, count]),
    ['times the totals were looked at', summary.samples],
    ['times they were the truth at rest', summary.rests],
    ['bytes', [...totals.values()].reduce((all, bytes) => all + bytes, 0n)],
  ]
  return rows.map(([name, value]) => `${name.padEnd(48)} ${String(value).padStart(12)}`).join('\n')
}

function sorted(counts: Map<string, number>): [string, number][] {
  return [...counts].sort(([, a], [, b]) => b - a)
}
