/**
 * The form of a backup: lines of JSON, compressed with gzip. First a head; then for each table a line with its name and one for
 * each row; then the sequences; last an end, without which the file is not whole. The rows are the database's own JSON: no
 * number passes through JavaScript, which cannot hold all of them.
 */
import { LedgerError } from '../src/errors.ts'

/** The first line. */
export type BackupHead = {
  marzban_ledger_backup: 1
  /** The steps of `db/migrations` that the database had, in their order. */
  migrations: string[]
  made_at: string
}

export type BackupLine =
  | { kind: 'table'; name: string }
  | { kind: 'row'; json: string }
  /** `last` is the number that was drawn last; null: none was. */
  | { kind: 'sequence'; name: string; last: string | null }
  | { kind: 'end'; rows: number }

/** The text of a line, without its end. */
export function writeLine(line: BackupHead | BackupLine): string {
  if (!('kind' in line)) return JSON.stringify(line)
  // A row is the only line that begins with a bracket.
  return line.kind === 'row' ? `[${line.json}]` : JSON.stringify(line)
}

/** @throws `config_invalid` for a text that {@link writeLine} does not write. */
export function readLine(text: string): BackupLine {
  if (text.startsWith('[') && text.endsWith(']')) return { kind: 'row', json: text.slice(1, -1) }
  const line = parse(text)
  if (isRecord(line)) {
    const { kind, name, last, rows } = line
    if (kind === 'table' && typeof name === 'string') return { kind, name }
    if (kind === 'sequence' && typeof name === 'string' && (last === null || typeof last === 'string')) {
      return { kind, name, last }
    }
    if (kind === 'end' && typeof rows === 'number') return { kind, rows }
  }
  throw notWhole()
}

/** @throws `config_invalid` when the file is no backup. */
export function readHead(text: string): BackupHead {
  const head = parse(text)
  if (isRecord(head) && head.marzban_ledger_backup === 1 && typeof head.made_at === 'string') {
    const { migrations, made_at } = head
    const isSteps = Array.isArray(migrations) && migrations.length > 0
    if (isSteps && migrations.every((step) => typeof step === 'string')) {
      return { marzban_ledger_backup: 1, migrations, made_at }
    }
  }
  throw new LedgerError('config_invalid', 'The file is no backup of this service.')
}

export function notWhole(): LedgerError {
  return new LedgerError(
    'config_invalid',
    'The backup is not whole: it was cut off or changed. Nothing was restored.',
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
