import Type from 'typebox'

// JSON clients cannot tell larger ids apart, so there are none.
const id = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER, format: 'int64' }

// `x-listed-at` tells a caller that sends something else where the ids are: see `whereListed`.

/** The id of an account; `me` is the caller's own. */
export function accountId(description: string) {
  return Type.Union([Type.Integer(id), Type.Literal('me')], {
    description,
    examples: [3, 'me'],
    'x-listed-at': '/admins?username=',
  })
}

/** The id of a deletion. */
export function deletionId(description: string) {
  return Type.Integer({ ...id, description, examples: [1204], 'x-listed-at': '/deletions' })
}

/** The id of a grant. */
export function grantId(description: string) {
  return Type.Integer({ ...id, description, examples: [5], 'x-listed-at': '/admins/{id}/grants' })
}

/** The id of an API key. */
export function keyId(description: string) {
  return Type.Integer({ ...id, description, examples: [7], 'x-listed-at': '/api-keys' })
}

/** The `{id}` of an account in a path. */
export const adminParams = Type.Object({
  id: accountId("The account's id, or `me`: the caller's own account."),
})

/** The `{id}` of a deletion in a path. */
export const deletionParams = Type.Object({ id: deletionId("The deletion's id, from its receipt.") })

/** The query of a call without parameters. */
export const noQuery = Type.Object({}, { additionalProperties: false })

/** Text for people: without control characters and halves of characters. */
export const plainText = {
  pattern: '^([^\\u0000-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$',
}

/** Text that can be the name of a user or an admin: anything that a database can store and a path can carry. */
export const panelName = {
  minLength: 1,
  maxLength: 8_192,
  pattern: '^([^\\u0000\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$',
}
