/**
 * The one that calls. The operator holds the configured key.
 *
 * `adminId`: the caller's own account; null: it has none, as the operator and the sudo account of the panel's environment.
 * `token`: the panel acts with the rights of this token; null: it acts with the service's account, and only `may` decides.
 */
export type Caller =
  | { kind: 'operator'; name: 'operator'; isSudo: true; adminId: null; token: null }
  | { kind: 'admin'; name: string; isSudo: boolean; adminId: bigint | null; token: string | null }

export const operator: Caller = {
  kind: 'operator',
  name: 'operator',
  isSudo: true,
  adminId: null,
  token: null,
}

/** The caller's name in the audit trail. An admin can have any name, so no admin's name equals the operator's. */
export function auditName(caller: Caller): string {
  return caller.kind === 'operator' ? 'api_key' : `admin:${caller.name}`
}
