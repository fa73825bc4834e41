import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { DeletionReply, ForwardedAnswer } from '../panel.ts'
import { jsonOf, saysNothing, saysNothingWasDone } from './success-forms.ts'
import { texts } from './texts.ts'

/** What the panel says about the deletion of each. */
const words = {
  user: { done: exactly(texts.userDeleted), missing: exactly(texts.noSuchUser) },
  admin: { done: exactly(texts.adminDeleted), missing: exactly(texts.noSuchAdmin) },
}

function exactly(detail: string) {
  return Compile(Type.Object({ detail: Type.Literal(detail) }, { additionalProperties: false }))
}

/**
 * What an answer to `DELETE /api/user/...` or `DELETE /api/admin/...` proves. Only the panel's own sentences count, letter
 * by letter, and the empty object of Marzban 0.5. An unknown sentence may come from a proxy: to believe it can cost bytes,
 * to doubt the panel costs one question.
 *
 * A 500 is unclear as well: the panel answers so after it has deleted a user without an owner, and proxies answer so for a
 * panel that is still at work.
 */
export function judgeDeletion(
  of: keyof typeof words,
  answer: ForwardedAnswer,
): Exclude<DeletionReply['verdict'], 'unsent'> {
  const json = jsonOf(answer)
  if (answer.status === 200 && (saysNothing(json) || words[of].done.Check(json))) return 'done'
  if (answer.status === 404 && words[of].missing.Check(json)) return 'missing'
  return saysNothingWasDone(answer) ? 'refused' : 'unclear'
}
