import { isLedgerError } from '../../errors.ts'
import type { PanelClient } from '../../panel/panel.ts'

/** The most names in one question, and the most characters once encoded: both must fit into an address. */
const namesAtOnce = 50
const charactersAtOnce = 4_000

/** The users of an admin, or those that the panel shows to a token. */
export type WhoseUsers = { admin?: string; token?: string }

/**
 * Which of `usernames` the panel has. One question lists many names: that costs the panel far less than a question for
 * each. A user that spoils every answer counts as existing: its deletion finds out more.
 *
 * @param whose left out: the users of all admins.
 * @throws the panel's errors, except those that concern one user alone.
 */
export async function findAtPanel(
  panel: PanelClient,
  usernames: readonly string[],
  whose: WhoseUsers = {},
): Promise<Set<string>> {
  const found = new Set<string>()
  for (const names of inQuestions(usernames)) {
    for (const name of await ask(panel, names, whose)) found.add(name)
  }
  return found
}

async function ask(
  panel: PanelClient,
  names: readonly string[],
  whose: WhoseUsers,
): Promise<readonly string[]> {
  try {
    const { admin, token } = whose
    const page = { usernames: names, offset: 0, limit: names.length, ...(admin !== undefined && { admin }) }
    const { users, unreadable } = await panel.users(page, token === undefined ? {} : { token })
    return [...users.map(({ username }) => username), ...unreadable.flatMap(({ name }) => name ?? [])]
  } catch (error) {
    if (!isLedgerError(error, 'panel_failed', 'panel_bad_answer')) throw error
    // If the panel answers nothing at all, these users are not to blame.
    await panel.account()
    if (names.length === 1) return names
    const half = names.length >> 1
    return [
      ...(await ask(panel, names.slice(0, half), whose)),
      ...(await ask(panel, names.slice(half), whose)),
    ]
  }
}

function inQuestions(usernames: readonly string[]): string[][] {
  const questions: string[][] = []
  let characters = charactersAtOnce
  for (const username of usernames) {
    if (!username.isWellFormed()) continue
    const length = encodeURIComponent(username).length
    const last = questions.at(-1)
    if (last && last.length < namesAtOnce && characters + length <= charactersAtOnce) {
      last.push(username)
      characters += length
    } else {
      questions.push([username])
      characters = length
    }
  }
  return questions
}
