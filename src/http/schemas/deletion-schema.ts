import Type, { type Static } from 'typebox'
import type { DeletionReport } from '../../work/deleting/deletions.ts'
import { int64, int64OrNull, named, shared, time, timeOrNull } from './building-blocks.ts'

type Deletion = DeletionReport['deletion']

export const deletionKinds = ['user', 'users', 'admin'] as const satisfies readonly Deletion['kind'][]
export const deletionStates = [
  'requested',
  'preserved',
  'unknown',
  'deleted',
  'failed',
  'gone',
  'cancelled',
  'incomplete',
] as const satisfies readonly Deletion['state'][]

const kindMeaning =
  '`user`: one user; `users`: several; `admin`: an admin with all its users, which stay where the panel itself was ' +
  'asked for it through the front.'
const stateMeaning =
  '`requested`: not begun, or of a bulk deletion: under way; `preserved`: the final reading is stored, the panel has ' +
  'not deleted it yet; `unknown`: the panel was asked to delete and has not answered, and may still do it; the service keeps ' +
  'asking; `deleted`; `failed`: the user or admin is still there, `detail` says why (it becomes `deleted` when the panel ' +
  'has acted later after all); `gone`: the panel had ' +
  'no such user any more, or of a bulk deletion: none of its users; `cancelled`; `incomplete`: a bulk deletion that left users, or the admin, undeleted.'

function textOrNull(description: string, example: string) {
  return Type.Unsafe<string | null>({ type: 'string', nullable: true, description, examples: [example] })
}

const receiptFields = {
  id: int64("The deletion's id.", 1_204),
  kind: Type.Unsafe<Deletion['kind']>({
    type: 'string',
    enum: deletionKinds,
    description: kindMeaning,
    examples: ['user'],
  }),
  state: Type.Unsafe<Deletion['state']>({
    type: 'string',
    enum: deletionStates,
    description: stateMeaning,
    examples: ['deleted'],
  }),
  username: textOrNull("The user's name in the panel; null: this is a bulk deletion.", 'alice'),
  admin_id: int64OrNull(
    'The account that keeps the bytes, or whose users are deleted. Null of a user: no account received bytes, since it ' +
      'has no owner or was not read; null of a bulk deletion: its users are named.',
    3,
  ),
  requested_by: Type.String({
    description: 'Who asked for it: `admin:` and the name of an admin of the panel, or `api_key`.',
    examples: ['admin:reseller'],
  }),
  preserve_traffic: Type.Boolean({ description: 'Whether the final reading is stored first.' }),
  final_reading: int64OrNull(
    "Bytes: the user's lifetime traffic right before it was deleted; of an admin, its own counter; null: not read.",
    5_242_880,
  ),
  preserved_bytes: int64OrNull(
    'Bytes that this deletion added to the account: what had not been counted before; null: nothing was read.',
    1_048_576,
  ),
  total_traffic: int64OrNull(
    "Bytes: the account's total when the deletion ended; null: it has not, or there is no account.",
    7_340_032,
  ),
  code: textOrNull(
    'Why it failed, or what a bulk deletion under way waits for, for programs; null: it did not, and it does not wait.',
    'panel_timeout',
  ),
  detail: textOrNull(
    'The same for people.',
    'Its traffic is preserved. User alice was not deleted: The panel did not answer in 30 s.',
  ),
  requested_at: time('When it was asked for.'),
  preserved_at: timeOrNull('When the final reading was stored; null: not yet.'),
  finished_at: timeOrNull('When it ended, well or not; null: it has not.'),
  parent_id: int64OrNull('The bulk deletion that this user belongs to; null: none.', 1_200),
}

/** A receipt: the body of `DELETE /users/{username}` and an item of `GET /deletions`. */
export const deletionSchema = named(
  'Deletion',
  Type.Object(receiptFields, {
    description: 'The receipt of a deletion: who asked for what, when, and what became of it.',
  }),
)
export type DeletionBody = Static<typeof deletionSchema>

const ofBulk = 'Only of bulk deletions.'

/** A deletion with its progress: the body of `GET /deletions/{id}` and of calls that start or end bulk deletions. */
export const deletionReportSchema = named(
  'DeletionReport',
  Type.Object(
    {
      ...receiptFields,
      total: Type.Optional(
        count(`Users known to belong to it; grows while an admin is read. ${ofBulk}`, 250),
      ),
      done: Type.Optional(count(`Users that are deleted, or were gone already. ${ofBulk}`, 120)),
      failed: Type.Optional(count(`Users that could not be deleted. ${ofBulk}`, 1)),
      rate: Type.Optional(numberOrNull(`Users a second; null: it has not begun. ${ofBulk}`, 11.5)),
      seconds_left: Type.Optional(
        numberOrNull(`Seconds until it is over at this rate; null: nobody can tell. ${ofBulk}`, 11.2),
      ),
      failures: Type.Optional(
        Type.Array(shared(deletionSchema), {
          description: `Receipts of users that could not be deleted; the latest 100. ${ofBulk}`,
          maxItems: 100,
        }),
      ),
    },
    { description: 'The receipt of a deletion; of a bulk deletion also how far it is.' },
  ),
)
export type DeletionReportBody = Static<typeof deletionReportSchema>

function count(description: string, example: number) {
  return Type.Integer({ minimum: 0, description, examples: [example] })
}

function numberOrNull(description: string, example: number) {
  return Type.Unsafe<number | null>({
    type: 'number',
    minimum: 0,
    nullable: true,
    description,
    examples: [example],
  })
}

/** A receipt as a body. */
export function toDeletionBody(deletion: Deletion): DeletionBody {
  return {
    id: deletion.id,
    kind: deletion.kind,
    state: deletion.state,
    username: null,
    requested_by: deletion.requestedBy,
    preserve_traffic: deletion.preserveTraffic,
    final_reading: null,
    preserved_bytes: null,
    total_traffic: deletion.totalTraffic,
    code: deletion.error?.code ?? null,
    detail: deletion.error?.message ?? null,
    requested_at: deletion.requestedAt,
    preserved_at: deletion.preservedAt,
    finished_at: deletion.finishedAt,
    parent_id: null,
    ...ofItsKind(deletion),
  }
}

/** What only receipts of this kind say. */
function ofItsKind(deletion: Deletion): Pick<DeletionBody, 'admin_id'> & Partial<DeletionBody> {
  switch (deletion.kind) {
    case 'user':
      return {
        username: deletion.username,
        admin_id: deletion.adminId,
        final_reading: deletion.finalReading,
        preserved_bytes: deletion.preservedBytes,
        parent_id: deletion.parentId,
      }
    case 'users':
      return { admin_id: deletion.scope.by === 'account' ? deletion.scope.adminId : null }
    case 'admin':
      return { admin_id: deletion.adminId, final_reading: deletion.finalReading }
  }
}

/** The report that tells a deletion and, of a bulk one, its progress. */
export function toReportBody({ deletion, progress, failed }: DeletionReport): DeletionReportBody {
  const receipt = toDeletionBody(deletion)
  if (!progress) return receipt
  return {
    ...receipt,
    total: progress.total,
    done: progress.done,
    failed: progress.failed,
    rate: progress.rate,
    seconds_left: progress.secondsLeft,
    failures: failed.map(toDeletionBody),
  }
}
