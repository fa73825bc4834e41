/**
 * Whether the server says by this SQLSTATE that it cannot serve now: connection exceptions, insufficient resources, operator
 * intervention, what took too long, errors of its machine, and a standby that takes no writes.
 */
export function isOutage(sqlState: string | undefined): boolean {
  return sqlState !== undefined && /^(08|53|57|58|25006|25P03)/.test(sqlState)
}
