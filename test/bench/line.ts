import type { PanelAddress, ServiceProcess } from '../support/spawn-service.ts'

/** One line of the benchmark: a figure of this run, held against what it should be. */
export type Line = {
  name: string
  /** What was measured, for people. */
  measured: string
  /** What is held against the limit. */
  value: number
  limit: { atLeast: number } | { atMost: number }
  /** What `value` is: a ratio within this run, or a unit. */
  unit: 'ratio' | 'users/s' | 'MiB' | 's' | 'bytes' | 'errors'
  /** What it is compared with, and why. */
  against: string
}

/** What every part of the benchmark is given. */
export type Bench = {
  /** A run that only shows that all parts work. */
  quick: boolean
  /** `postgres://` of a migrated database of its own, with everything as in production. */
  database: () => Promise<string>
  /** A stand-in panel in a process of its own. */
  panel: (options: PanelProcessOptions) => Promise<PanelProcess>
  /** A proxy in front of a panel that only passes bytes on. */
  proxy: (panel: PanelProcess) => Promise<{ url: string; close: () => Promise<void> }>
  /** The service as it ships: the bundle, in a process of its own. */
  service: (panel: PanelAddress, environment: Record<string, string>) => Promise<ServiceProcess>
  /** A directory that is removed at the end. */
  directory: () => Promise<string>
  /** Told what is under way. */
  say: (what: string) => void
}

export type PanelProcessOptions = {
  /** Whether answers take as long as a real panel's. */
  costs: boolean
  /** Admins with as many users. */
  users: Record<string, number>
}

export type PanelProcess = {
  url: string
  sudo: { username: string; password: string }
  /** A token of the sudo account. */
  token: string
  close: () => Promise<void>
}

export function isMet({ value, limit }: Line): boolean {
  return 'atLeast' in limit ? value >= limit.atLeast : value <= limit.atMost
}

/** The lines for programs, each with whether it is met, or for people. */
export function printable(lines: readonly Line[], json: boolean): string {
  if (!json) return tableOf(lines)
  const judged = lines.map((line) => ({ ...line, met: isMet(line) }))
  return JSON.stringify(judged, null, 2)
}

/** The lines as a table for a terminal. */
export function tableOf(lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const [sign, limit] = 'atLeast' in line.limit ? ['>=', line.limit.atLeast] : ['<=', line.limit.atMost]
    const value = `${round(line.value)}${line.unit === 'ratio' ? '' : ` ${line.unit}`}`
    return [line.name, line.measured, value, `${sign} ${round(limit)}`, isMet(line) ? 'met' : 'NOT MET']
  })
  const table = [['', 'measured', 'value', 'limit', ''], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  const drawn = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...drawn, '', ...explain(lines)].join('\n')
}

/** What the lines are compared with, each reason once. */
function explain(lines: readonly Line[]): string[] {
  const named = Map.groupBy(lines, ({ against }) => against)
  return [...named].map(([against, of]) => `${of.map(({ name }) => name).join('; ')}\n    ${against}`)
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function round(value: number): number {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return Number(value.toFixed(digits))
}
