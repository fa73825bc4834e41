import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { ForwardedAnswer } from '../panel.ts'
import { detailAnswer, invalidAnswer } from './schemas.ts'
import { texts } from './texts.ts'

/** Marzban 0.5 answers nothing else to what it has done; later releases say what that was. */
const nothing = Compile(Type.Object({}, { additionalProperties: false }))
const usersReset = Compile(
  Type.Object({ detail: Type.Literal(texts.usersReset) }, { additionalProperties: false }),
)

/**
 * What an answer to `POST /api/users/reset` proves. A 200 in any other form than those of the known releases proves
 * nothing: it may come from a proxy.
 */
export function judgeReset(answer: ForwardedAnswer): 'done' | 'refused' | 'unclear' {
  const json = answer.status === 200 ? jsonOf(answer) : undefined
  if (nothing.Check(json) || usersReset.Check(json)) return 'done'
  return saysNothingWasDone(answer) ? 'refused' : 'unclear'
}

const refusals = new Set([400, 401, 403, 405, 422])

/** Whether the panel itself says that it has done nothing: in its own form, not in a proxy's page. */
export function saysNothingWasDone(answer: ForwardedAnswer): boolean {
  const json = refusals.has(answer.status) ? jsonOf(answer) : undefined
  return detailAnswer.Check(json) || invalidAnswer.Check(json)
}

/** Whether this is Marzban 0.5's answer to anything that it has done. */
export function saysNothing(json: unknown): boolean {
  return nothing.Check(json)
}

/** The answer's JSON; undefined: it is something else, or broken. */
export function jsonOf({ headers, body, plain = body }: ForwardedAnswer): unknown {
  const [type = ''] = [headers['content-type'] ?? ''].flat()
  if (type.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') return undefined
  try {
    return JSON.parse(plain.toString())
  } catch {
    return undefined
  }
}
