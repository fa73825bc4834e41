import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { normaliseCreatedAt } from './created-at.ts'
import { userStatuses } from './types.ts'

// Only the fields the ledger uses, as the panel writes them; whatever else an answer holds is ignored.

/** Beyond 2^53 JSON.parse rounds, and a rounded reading would count bytes that nobody consumed. */
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const OptionalCount = Type.Union([Count, Type.Null()])
const Name = Type.String({ minLength: 1 })

const Admin = Type.Object({
  username: Name,
  is_sudo: Type.Boolean(),
  users_usage: Type.Optional(OptionalCount),
})

const User = Type.Object({
  username: Name,
  status: Type.Enum([...userStatuses]),
  created_at: Type.Refine(
    Type.String(),
    (text) => normaliseCreatedAt(text) !== null,
    () => 'must be a time like 2026-01-31T10:20:30.123456, without an offset',
  ),
  lifetime_used_traffic: Count,
  data_limit: OptionalCount,
  expire: OptionalCount,
  admin: Type.Union([Admin, Type.Null()]),
})

export type AdminAnswer = Static<typeof Admin>
export type UserAnswer = Static<typeof User>

export const adminAnswer = Compile(Admin)
export const adminsAnswer = Compile(Type.Array(Admin))
export const userAnswer = Compile(User)
export const usersAnswer = Compile(Type.Object({ users: Type.Array(User), total: Count }))
/** All of an admin that its being there depends on. */
export const adminNamesAnswer = Compile(Type.Array(Type.Object({ username: Type.String() })))
/** An admin's usage: any number proves that the panel has it. */
export const usageAnswer = Compile(Type.Number())
export const systemAnswer = Compile(Type.Object({ version: Type.String() }))
export const tokenAnswer = Compile(Type.Object({ access_token: Type.String() }))
/** What the panel says when a deletion is done, and whenever it refuses something, except as follows. */
export const detailAnswer = Compile(Type.Object({ detail: Type.String() }))
/** What it says of a request it cannot read: for each field what is wrong with it. */
export const invalidAnswer = Compile(Type.Object({ detail: Type.Record(Type.String(), Type.String()) }))
