import { resellers } from './reseller-world.ts'

const width = 12

/** What a newcomer reads first: where the service is, and what to paste into another terminal. */
export function welcome(
  address: string,
  key: string,
  example: { accountId: number; username: string },
): string {
  const header = `-H 'X-API-Key: ${key}'`
  return `
The ledger serves on ${address}
  its API in a browser   ${address}/docs
  the operator's key     ${key}

To paste into another terminal:
  curl ${header} '${address}/admins?sort=-total_traffic'
  curl ${header} '${address}/admins/${example.accountId}/stats?max_age=0'
  curl -X DELETE ${header} '${address}/users/${example.username}'
For the examples of README.md:
  export LEDGER=${address} API_KEY=${key}

Resellers' users consume traffic, and resellers delete users in the panel, not through the ledger. "panel" is what the
panel still knows: the bytes of the users that exist. "ledger" is total_traffic. Ctrl-C ends everything and removes it.
`
}

/** The names of the columns of {@link row}. */
export function heading(): string {
  const admins = resellers.map((name) => name.padStart(2 * width))
  const columns = resellers.map(() => 'panel'.padStart(width) + 'ledger'.padStart(width))
  return `\n${''.padEnd(8)}${admins.join('')}\n${'time'.padEnd(8)}${columns.join('')}`
}

/** The figures of one moment: for each reseller, bytes by the panel and by the ledger. */
export function row(figures: readonly { panel: bigint; ledger: bigint }[]): string {
  const columns = figures.map(
    ({ panel, ledger }) => gigabytes(panel).padStart(width) + gigabytes(ledger).padStart(width),
  )
  return new Date().toTimeString().slice(0, 8) + columns.join('')
}

/** The line for a deletion behind the ledger's back. */
export function deletion(deleted: { reseller: string; username: string; bytes: bigint }): string {
  return `         ${deleted.reseller} deletes ${deleted.username} in the panel, which forgets ${gigabytes(deleted.bytes)}`
}

function gigabytes(bytes: bigint): string {
  return `${(Number(bytes) / 1e9).toFixed(2)} GB`
}
