import fc from 'fast-check'
import type { environment } from './panel-api.ts'

export const admins = ['ada', 'ben'] as const
export const users = ['u1', 'u2', 'u3', 'u4'] as const
const replicas = 2
export const lagSeconds = 30

/** An admin of the environment's name appears in some histories. */
export type Admin = (typeof admins)[number] | typeof environment
export type User = (typeof users)[number]
export type Owner = Admin | null

export const admin = fc.constantFrom(...admins)
export const user = fc.constantFrom(...users)
export const owner = fc.constantFrom<Owner[]>(...admins, null)
export const replica = fc.nat(replicas - 1)
export const pick = fc.nat(5)

export const work = <Of extends string>(of: Of) => fc.record({ of: fc.constant(of) })
