import Type, { type Static } from 'typebox'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, time } from './building-blocks.ts'

/** Characters that are told of a name: it may be longer than anybody reads. */
const nameTold = 300

/** What cannot be read at present: a part of the body of `GET /sync`. */
export const unreadableSchema = {
  unreadable: Type.Array(
    Type.Object({
      kind: Type.Unsafe<'user' | 'admin'>({
        type: 'string',
        enum: ['user', 'admin'],
        description: 'What it is in the panel.',
      }),
      name: Type.Unsafe<string | null>({
        type: 'string',
        nullable: true,
        description: 'Its name, as far as it can be written, at most 300 characters of it; null: not known.',
        examples: ['alice'],
      }),
      reason: Type.String({
        description: 'What is wrong with it, and what would mend it.',
        examples: ['lifetime_used_traffic is no whole number'],
      }),
      since: time('When that was found.'),
    }),
    {
      description:
        'Users and admins that the panel does not tell well enough to be counted, the latest 100. Each spoils only itself: ' +
        'what was counted of it stays, and what it consumes is counted when it can be read again, or its admin tells it. It ' +
        'leaves the list when it is read well or is gone.',
    },
  ),
  unreadable_total: int64('How many there are in all.', 1),
}

type Unreadable = Pick<Awaited<ReturnType<LedgerApi['sync']>>, 'unreadable'>['unreadable']
type UnreadableBody = {
  unreadable: Static<(typeof unreadableSchema)['unreadable']>
  unreadable_total: bigint
}

export function toUnreadableBody({ items, total }: Unreadable): UnreadableBody {
  return {
    unreadable: items.map(({ kind, name, reason, since }) => ({ kind, name: told(name), reason, since })),
    unreadable_total: total,
  }
}

function told(name: string | null): string | null {
  if (name === null || name === '') return null
  return name.length > nameTold ? `${name.slice(0, nameTold).toWellFormed()}...` : name
}
