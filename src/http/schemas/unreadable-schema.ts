import Type, { type Static } from 'typebox'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, textOrNull, time } from './building-blocks.ts'

/** Characters. Longer names are cut: the panel can hold names of any length. */
const longestName = 300

/** Users and admins that cannot be read now: a part of the body of `GET /sync`. */
export const unreadableSchema = {
  unreadable: Type.Array(
    Type.Object({
      kind: Type.Unsafe<'user' | 'admin'>({
        type: 'string',
        title: 'UnreadableKind',
        enum: ['user', 'admin'],
        description: 'Whether this is a user or an admin.',
      }),
      name: textOrNull('The name, or its first 300 characters; null: not known.', 'alice'),
      reason: Type.String({
        description: 'What is wrong, and what would fix it.',
        examples: ['lifetime_used_traffic is no whole number'],
      }),
      since: time('When the service found this.'),
    }),
    {
      description:
        'Users and admins that cannot be counted, because the panel gives a wrong value for them; the latest 100. Others are not ' +
        "affected. Their counted bytes stay. New bytes count when they can be read again, or when the admin's counter shows " +
        'them. An entry leaves the list when it can be read again or no longer exists.',
    },
  ),
  unreadable_total: int64('The number of all such users and admins.', 1),
}

type Unreadable = Pick<Awaited<ReturnType<LedgerApi['sync']>>, 'unreadable'>['unreadable']
type UnreadableBody = {
  unreadable: Static<(typeof unreadableSchema)['unreadable']>
  unreadable_total: bigint
}

export function toUnreadableBody({ items, total }: Unreadable): UnreadableBody {
  return {
    unreadable: items.map(({ kind, name, reason, since }) => ({ kind, name: shorten(name), reason, since })),
    unreadable_total: total,
  }
}

function shorten(name: string | null): string | null {
  if (name === null || name === '') return null
  return name.length > longestName ? `${name.slice(0, longestName).toWellFormed()}...` : name
}
