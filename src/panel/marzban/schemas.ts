import Type from 'typebox'
import { Compile } from 'typebox/compile'

// Only the fields the ledger uses, as the panel writes them; whatever else an answer holds is ignored. What lists hold is
// decoded item by item: see decode.ts.

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** The caller of a request: what it may do depends on both. */
export const callerAnswer = Compile(
  Type.Object({ username: Type.String({ minLength: 1 }), is_sudo: Type.Boolean() }),
)
export const adminsAnswer = Compile(Type.Array(Type.Unknown()))
/** An answer that is about a user, whatever it says of it. */
export const userAnswer = Compile(Type.Object({ username: Type.String() }))
export const usersAnswer = Compile(Type.Object({ users: Type.Array(Type.Unknown()), total: Count }))
/** An admin's usage: whatever number stands there proves that the panel has it. */
export const usageAnswer = Compile(Type.Union([Type.Number(), Type.BigInt()]))
export const systemAnswer = Compile(Type.Object({ version: Type.String() }))
export const tokenAnswer = Compile(Type.Object({ access_token: Type.String() }))
/** What the panel says when a deletion is done, and whenever it refuses something, except as follows. */
export const detailAnswer = Compile(Type.Object({ detail: Type.String() }))
/** What it says of a request it cannot read: for each field what is wrong with it. */
export const invalidAnswer = Compile(Type.Object({ detail: Type.Record(Type.String(), Type.String()) }))
