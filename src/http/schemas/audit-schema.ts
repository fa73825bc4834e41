import Type, { type Static } from 'typebox'
import { auditActions } from '../../work/callers/caller.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, int64OrNull, named, time } from './building-blocks.ts'

type AuditRow = Awaited<ReturnType<LedgerApi['audit']>>['items'][number]

function state(description: string, example: object) {
  return Type.Unsafe<AuditRow['before']>({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description,
    examples: [example],
  })
}

/** A change that somebody made: an item of `GET /audit`. */
export const auditSchema = named(
  'AuditEntry',
  Type.Object(
    {
      id: int64('The id of the entry.', 41),
      at: time('When the change was made.'),
      caller: Type.String({
        description:
          'Who made it: `api_key` (the holder of API_KEY), `admin:` and the name of an admin of the panel, `key:` and the id ' +
          'of an API key, or `terminal`.',
        examples: ['admin:root'],
      }),
      action: Type.Unsafe<AuditRow['action']>({
        type: 'string',
        title: 'AuditAction',
        enum: auditActions,
        description: 'What was done.',
        examples: ['limit.set'],
      }),
      admin_id: int64OrNull('The account that it is about; null: none.', 3),
      before: state('What was there, with the names of the API; null: nothing.', {
        traffic_limit: 549_755_813_888,
      }),
      after: state('What is there now; null: nothing.', { traffic_limit: 1_099_511_627_776 }),
    },
    { description: 'A change that somebody made. Traffic is in bytes.' },
  ),
)
export type AuditBody = Static<typeof auditSchema>

export function toAuditBody({ id, at, caller, action, adminId, before, after }: AuditRow): AuditBody {
  return { id, at, caller, action, admin_id: adminId, before, after }
}
