import Type, { type Static } from 'typebox'
import type { DeletionReport } from '../../work/deleting/deletions.ts'
import { int64, int64OrNull, named, shared, textOrNull, time, timeOrNull } from './building-blocks.ts'

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
  '`user`: one user; `users`: several users; `admin`: an admin with all its users. If the front forwarded the call, the ' +
  "admin's users stay."
const stateMeaning =
  '`requested`: not started; a bulk deletion: running. `preserved`: the final reading is stored, the panel has not ' +
  'deleted the user yet. `unknown`: the panel did not answer and may still delete; the service keeps checking. `deleted`. ' +
  '`failed`: the user or admin still exists, `detail` says why; if the panel deletes it later, the state becomes ' +
  '`deleted`. `gone`: the panel no longer had the user; a bulk deletion: it had none of the users. `cancelled`. ' +
  '`incomplete`: a bulk deletion that did not delete all users, or not the admin.'

const receiptFields = {
  id: int64("The deletion's id.", 1_204),
  kind: Type.Unsafe<Deletion['kind']>({
    type: 'string',
    title: 'DeletionKind',
    enum: deletionKinds,
    description: kindMeaning,
    examples: ['user'],
  }),
  state: Type.Unsafe<Deletion['state']>({
    type: 'string',
    title: 'DeletionState',
    enum: deletionStates,
    description: stateMeaning,
    examples: ['deleted'],
  }),
  username: textOrNull("The user's name in the panel; null for a bulk deletion.", 'alice'),
  admin_id: int64OrNull(
    'The account that keeps the bytes, or whose users are deleted. Null for a user: no account received bytes, because ' +
      'the user has no owner or was not read. Null for a bulk deletion: the caller named its users.',
    3,
  ),
  requested_by: Type.String({
    description:
      'The caller: `admin:` and the name of an admin of the panel, also for a key of that admin; `key:` and the id of a ' +
      'sudo key; or `api_key`.',
    examples: ['admin:reseller'],
  }),
  preserve_traffic: Type.Boolean({ description: 'Whether the service stores the final reading first.' }),
  final_reading: int64OrNull(
    "Bytes: the user's lifetime traffic right before the deletion; for an admin, its own counter; null: not read.",
    5_242_880,
  ),
  preserved_bytes: int64OrNull(
    'Bytes that the final reading added to the account; of a bulk deletion that has ended, the sum of its users. Null: nothing ' +
      'was read, or a bulk deletion has not ended.',
    1_048_576,
  ),
  total_traffic: int64OrNull(
    "Bytes: the account's total when the deletion ended; null: it has not ended, or there is no account.",
    7_340_032,
  ),
  code: textOrNull(
    'For programs: why the deletion failed, or what a running bulk deletion waits for; null: neither.',
    'panel_timeout',
  ),
  detail: textOrNull(
    'For people: the same as `code`.',
    'Its traffic is preserved. User alice was not deleted: The panel did not answer in 30 s.',
  ),
  requested_at: time('When the caller asked for the deletion.'),
  preserved_at: timeOrNull('When the final reading was stored; null: not stored.'),
  finished_at: timeOrNull('When the deletion ended, with any result; null: it has not ended.'),
  parent_id: int64OrNull('The bulk deletion that deletes this user; null: none.', 1_200),
}

/** A receipt: the body of `DELETE /users/{username}` and an item of `GET /deletions`. */
export const deletionSchema = named(
  'Deletion',
  Type.Object(receiptFields, {
    description: 'The receipt of a deletion: the caller, the target, the times and the result.',
  }),
)
export type DeletionBody = Static<typeof deletionSchema>

const ofBulk = 'For bulk deletions only.'

/** A deletion with its progress: the body of `GET /deletions/{id}` and of calls that start or cancel bulk deletions. */
export const deletionReportSchema = named(
  'DeletionReport',
  Type.Object(
    {
      ...receiptFields,
      total: Type.Optional(
        count(`Users of this deletion; grows while the service reads an admin's users. ${ofBulk}`, 250),
      ),
      done: Type.Optional(count(`Users that are deleted or were already gone. ${ofBulk}`, 120)),
      failed: Type.Optional(count(`Users that were not deleted. ${ofBulk}`, 1)),
      rate: Type.Optional(numberOrNull(`Users per second; null: not started. ${ofBulk}`, 11.5)),
      seconds_left: Type.Optional(
        numberOrNull(`Seconds to the end at this rate; null: not known. ${ofBulk}`, 11.2),
      ),
      failures: Type.Optional(
        Type.Array(shared(deletionSchema), {
          description: `Receipts of users that were not deleted, the latest 100. ${ofBulk}`,
          maxItems: 100,
        }),
      ),
    },
    { description: 'The receipt of a deletion; for a bulk deletion also the progress.' },
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

/** The receipt for `deletion`. */
export function toDeletionBody(deletion: Deletion): DeletionBody {
  return {
    id: deletion.id,
    kind: deletion.kind,
    state: deletion.state,
    username: null,
    requested_by: deletion.requestedBy,
    preserve_traffic: deletion.preserveTraffic,
    final_reading: null,
    preserved_bytes: deletion.preservedBytes,
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
        parent_id: deletion.parentId,
      }
    case 'users':
      return { admin_id: deletion.scope.by === 'account' ? deletion.scope.adminId : null }
    case 'admin':
      return { admin_id: deletion.adminId, final_reading: deletion.finalReading }
  }
}

/** The receipt, and for a bulk deletion its progress. */
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
