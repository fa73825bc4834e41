import { resellers } from './reseller-world.ts'

const width = 12

/** The first text of the demo: the address of the service, and commands to paste into another terminal. */
export function welcome(
  address: string,
  key: string,
  example: { accountId: number; username: string },
): string {
  const header = `-H 'X-API-Key: ${key}'`
  return `
The ledger runs at       ${address}
  the API in a browser   ${address}/docs
  the operator's key     ${key}

Paste these into another terminal:
  curl ${header} '${address}/admins?sort=-total_traffic'
  curl ${header} '${address}/admins/${example.accountId}/stats?max_age=0'
  curl -X DELETE ${header} '${address}/users/${example.username}'
Before you paste the examples of README.md:
  export LEDGER=${address} API_KEY=${key}

The users consume traffic. The resellers delete users in the panel itself, not through the ledger. Watch the totals hold:
"panel" is the traffic of the users that exist in the panel, "ledger" is total_traffic. One reseller has a limit: watch what
happens when it has used it. Ctrl-C stops the demo and removes its data.
`
}

/** The column names for {@link row}. */
export function heading(): string {
  const admins = resellers.map((name) => name.padStart(2 * width))
  const columns = resellers.map(() => 'panel'.padStart(width) + 'ledger'.padStart(width))
  return `\n${''.padEnd(8)}${admins.join('')}\n${'time'.padEnd(8)}${columns.join('')}`
}

/** One line of figures: for each reseller, the bytes of the panel and of the ledger. */
export function row(figures: readonly { panel: bigint; ledger: bigint }[]): string {
  const columns = figures.map(
    ({ panel, ledger }) => gigabytes(panel).padStart(width) + gigabytes(ledger).padStart(width),
  )
  return new Date().toTimeString().slice(0, 8) + columns.join('')
}

/** A line about what has just happened. */
export function news(text: string): string {
  return `         ${text}`
}

/** The line for a deletion in the panel itself. */
export function deletion(deleted: { reseller: string; username: string; bytes: bigint }): string {
  return news(
    `${deleted.reseller} deletes ${deleted.username} in the panel: the panel forgets ${gigabytes(deleted.bytes)}`,
  )
}

/** Bytes as people read them. */
export function gigabytes(bytes: bigint): string {
  return `${(Number(bytes) / 1e9).toFixed(2)} GB`
}
