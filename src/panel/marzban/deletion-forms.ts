import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { DeletionReply, ForwardedAnswer } from '../panel.ts'
import { jsonOf, saysNothing, saysNothingWasDone } from './success-forms.ts'

/** What the panel deletes, and its own words about it. */
const words = {
  user: sentences('User successfully deleted', 'User not found'),
  admin: sentences('Admin removed successfully', 'Admin not found'),
}

function sentences(done: string, missing: string) {
  return { done: exactly(done), missing: exactly(missing) }
}

function exactly(detail: string) {
  return Compile(Type.Object({ detail: Type.Literal(detail) }, { additionalProperties: false }))
}

/**
 * What an answer to `DELETE /api/user/...` or `DELETE /api/admin/...` says. Only the panel's own sentences count, letter by
 * letter, and the empty object of Marzban 0.5: a sentence that nobody knows may come from whatever stands before the panel,
 * and to believe it would cost bytes, while to doubt the panel costs one question.
 *
 * A 500 is unclear as well: the panel gives it after it has deleted a user without an owner, and proxies give the same one
 * for a panel that is still at work.
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

/** The panel's own answer to a request about an admin that it does not have. */
export const noSuchAdmin = inPanelsForm(404, 'Admin not found')

/** The panel's own answer to the deletion of an admin that is sudo. */
export const noSudoAdmins = inPanelsForm(
  403,
  "You're not allowed to delete sudo accounts. Use marzban-cli instead.",
)

function inPanelsForm(status: number, detail: string): ForwardedAnswer {
  const headers = { 'content-type': 'application/json' }
  return { status, headers, body: Buffer.from(JSON.stringify({ detail })) }
}
