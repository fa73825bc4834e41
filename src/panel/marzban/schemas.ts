import Type from 'typebox'
import { Compile } from 'typebox/compile'

// Only the fields that the ledger uses, as the panel writes them; other fields are ignored. Lists are decoded item by item:
// see decode.ts.

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** The caller of a request; its rights depend on both fields. */
export const callerAnswer = Compile(
  Type.Object({ username: Type.String({ minLength: 1 }), is_sudo: Type.Boolean() }),
)
export const adminsAnswer = Compile(Type.Array(Type.Unknown()))
/** Any answer about a user. */
export const userAnswer = Compile(Type.Object({ username: Type.String() }))
export const usersAnswer = Compile(Type.Object({ users: Type.Array(Type.Unknown()), total: Count }))
/** The usage of an admin. Every number proves that the panel has the admin. */
export const usageAnswer = Compile(Type.Union([Type.Number(), Type.BigInt()]))
export const systemAnswer = Compile(Type.Object({ version: Type.String() }))
export const tokenAnswer = Compile(Type.Object({ access_token: Type.String() }))
/** The panel's answer to a deletion that is done, and to everything that it refuses, except as follows. */
export const detailAnswer = Compile(Type.Object({ detail: Type.String() }))
/** The panel's answer to a request that it cannot read: what is wrong with each field. */
export const invalidAnswer = Compile(Type.Object({ detail: Type.Record(Type.String(), Type.String()) }))
