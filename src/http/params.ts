import Type from 'typebox'

/** The `{id}` of an account in a path. */
export const adminParams = Type.Object({
  id: Type.Union(
    // Larger ids than JSON clients can tell apart are never given out.
    [Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, format: 'int64' }), Type.Literal('me')],
    { description: "The account's id, or `me`: the caller's own account.", examples: [3, 'me'] },
  ),
})
