import { type Caller, operator } from './caller.ts'

const admin = { kind: 'admin', name: '', isSudo: false, adminId: null, token: null } as const
const key = { kind: 'key', name: '', isSudo: false, adminId: null, token: null } as const

/** One caller of each kind that differs in its rights, by its name for people. */
export const callerKinds: Readonly<Record<string, Caller>> = {
  API_KEY: operator,
  'sudo admin': { ...admin, isSudo: true },
  admin,
  'sudo key, write': { ...key, role: 'sudo', access: 'write', isSudo: true },
  'sudo key, read': { ...key, role: 'sudo', access: 'read', isSudo: true },
  'admin key, write': { ...key, role: 'admin', access: 'write' },
  'admin key, read': { ...key, role: 'admin', access: 'read' },
  'metrics key': { ...key, role: 'metrics', access: 'read' },
}
