import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { ForwardedAnswer } from '../panel.ts'
import { detailAnswer, invalidAnswer } from './schemas.ts'

/** Marzban 0.5 answers nothing else to what it has done; later releases say what that was. */
const nothing = Compile(Type.Object({}, { additionalProperties: false }))
const usersReset = Compile(
  Type.Object({ detail: Type.Literal('Users successfully reset.') }, { additionalProperties: false }),
)

/**
 * Whether `answer` is what a Marzban, of whatever release, answers to `POST /api/users/reset` once it has reset the users.
 * Anything else with status 200 comes from somebody else, or from a release that nobody knows: it says nothing.
 */
export function saysUsersWereReset(answer: ForwardedAnswer): boolean {
  const json = answer.status === 200 ? jsonOf(answer) : undefined
  return nothing.Check(json) || usersReset.Check(json)
}

const refusals = new Set([400, 401, 403, 405, 422])

/** Whether the panel itself says that it has done nothing: in its own form, not a page of somebody before it. */
export function saysNothingWasDone(answer: ForwardedAnswer): boolean {
  const json = refusals.has(answer.status) ? jsonOf(answer) : undefined
  return detailAnswer.Check(json) || invalidAnswer.Check(json)
}

/** Whether this is all that Marzban 0.5 answers when it has done what it was asked for. */
export function saysNothing(json: unknown): boolean {
  return nothing.Check(json)
}

/** The answer's JSON; undefined: it is something else, or broken. */
export function jsonOf({ headers, body }: ForwardedAnswer): unknown {
  const [type = ''] = [headers['content-type'] ?? ''].flat()
  if (type.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') return undefined
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
