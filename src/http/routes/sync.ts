import Type, { type Static } from 'typebox'
import type { Services } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { noQuery } from '../input/path-params.ts'
import { problemResponses } from '../problem/problem-schema.ts'
import { int64, int64OrNull, named, shared, time, timeOrNull } from '../schemas/building-blocks.ts'
import { suspiciousSchema, toSuspiciousBody } from '../schemas/suspicious-schema.ts'
import { toUnreadableBody, unreadableSchema } from '../schemas/unreadable-schema.ts'
import { requireSudo } from '../server/authenticate.ts'

const failure = {
  code: Type.String({ description: 'What went wrong, for programs.', examples: ['panel_timeout'] }),
  detail: Type.String({
    description: 'What went wrong, for people.',
    examples: ['The panel did not answer in 10 s.'],
  }),
}

const poll = Type.Object(
  {
    pending: Type.Boolean({
      description: 'Whether POST /sync has asked for a reading that no answer of the panel has followed yet.',
    }),
    asked_at: timeOrNull('When the panel was last asked; null: not yet.'),
    answered_at: timeOrNull('When that was over, well or not.'),
    took_ms: int64OrNull('Milliseconds in between.', 17),
    succeeded_at: timeOrNull('When the panel was asked the last time that it answered.'),
    admins: int64OrNull('Admins in that answer.', 12),
    panel_counts_admins: Type.Unsafe<boolean | null>({
      type: 'boolean',
      nullable: true,
      description:
        "Whether the panel counts its admins' traffic (Marzban 0.8 and later); null: not known, as long as it has no admins.",
    }),
    error: Type.Unsafe<{ code: string; detail: string } | null>({
      ...Type.Object(failure, { description: 'Why the panel could not be polled; null: it could.' }),
      nullable: true,
    }),
  },
  { description: 'The last reading of all admins at once.' },
)

const scan = Type.Object(
  {
    pending: int64('Admins whose users are to be read, and have not begun to be.', 8),
    running: Type.Boolean({ description: 'Whether users are being read now.' }),
    started_at: timeOrNull('When the round began; null: there was none yet.'),
    finished_at: timeOrNull('When the round was over; null: it is not.'),
    took_ms: int64OrNull('Milliseconds in between.', 41_000),
    admins_done: int64('Admins whose users have been read.', 4),
    admins_total: int64('Admins whose users are to be read.', 12),
    users_done: int64('Users that have been read.', 4_100),
    users_total: int64('Users that are to be read, as far as is known.', 9_800),
    failed: Type.Array(
      Type.Object({
        admin: Type.Object({
          id: int64("The account's id.", 3),
          username: Type.String({ examples: ['reseller'] }),
        }),
        ...failure,
        started_at: time('When that scan began.'),
      }),
      { description: 'Admins whose last scan did not complete; the latest 20.' },
    ),
  },
  { description: 'The round of reading the users of those admins whose turn it is, or the last one.' },
)

const front = Type.Object(
  {
    purpose: Type.Unsafe<'reset_users' | 'delete_admin'>({
      type: 'string',
      enum: ['reset_users', 'delete_admin'],
      description:
        'The call of the panel that waits for it: a reset of all users, or the deletion of an admin.',
    }),
    admin: Type.Unsafe<string | null>({
      type: 'string',
      nullable: true,
      description: 'The admin whose users are read; null: all users.',
      examples: ['reseller'],
    }),
    running: Type.Boolean({ description: 'Whether they are being read now.' }),
    started_at: time('When the reading began.'),
    finished_at: timeOrNull(
      'When it was over. Null and not running: the service was stopped, and nothing was forwarded.',
    ),
    users_done: int64('Users that have been read.', 4_100),
    users_total: int64OrNull('Users that are to be read; null: the panel has not said yet.', 9_800),
  },
  { description: 'Users that are read before a call is passed on to the panel.' },
)

/** How the collector stands: the body of `GET /sync`. */
export const syncSchema = named(
  'Sync',
  Type.Object(
    {
      requested_at: timeOrNull(
        'When everything was last asked to be read, by POST /sync or because a call of the panel had an unknown outcome. ' +
          'It has been read once `poll.pending` is false, `scan.pending` is 0 and `scan.running` is false.',
      ),
      poll,
      scan,
      front: Type.Array(front, { description: 'The latest 20, the newest first.' }),
      suspicious: suspiciousSchema,
      ...unreadableSchema,
    },
    { description: 'When the panel was last read, how long it took, what went wrong.' },
  ),
)
type SyncBody = Static<typeof syncSchema>

const readSchema = {
  operationId: 'getSync',
  tags: ['sync'],
  summary: 'See how the collector stands',
  description:
    'When each source was last read and how long it took, in milliseconds; what is pending and running. To wait for a ' +
    'POST /sync: ask until `poll.pending` is false, `scan.pending` is 0 and `scan.running` is false; at no moment before ' +
    'everything has been read are they all so. `scan.failed` names the admins whose users could not be read, `unreadable` single users and ' +
    'admins, `suspicious` bytes that were counted although they look wrong. For sudo admins.',
  querystring: noQuery,
  response: { 200: shared(syncSchema), ...problemResponses() },
}

const startSchema = {
  operationId: 'startSync',
  tags: ['sync'],
  summary: 'Read everything now',
  description:
    'Makes a poll of all admins and a scan of all users due now. The answer does not wait for them: `requested_at` is ' +
    'when they were asked for, and GET /sync tells how far they are. For sudo admins.',
  querystring: noQuery,
  response: {
    202: {
      description: 'Accepted; the body says how things stand now.',
      headers: { Location: { type: 'string', description: 'Where progress can be read: /sync.' } },
      content: { 'application/json': { schema: shared(syncSchema) } },
    },
    ...problemResponses(413, 415),
  },
}

/** Seeing and starting what the collector does. */
export async function syncRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get('/sync', { schema: readSchema, onRequest: requireSudo }, async (): Promise<SyncBody> => {
    return toSyncBody(await services.sync())
  })

  app.post(
    '/sync',
    { schema: startSchema, onRequest: requireSudo },
    async (_request, reply): Promise<SyncBody> => {
      await services.requestSync()
      reply.code(202).header('location', '/sync')
      return toSyncBody(await services.sync())
    },
  )
}

function toSyncBody(state: Awaited<ReturnType<Services['sync']>>): SyncBody {
  const { poll, round, failed } = state
  return {
    requested_at: round.requestedAt,
    poll: {
      pending: state.pollPending,
      asked_at: poll.askedAt,
      answered_at: poll.answeredAt,
      took_ms: between(poll.askedAt, poll.answeredAt),
      succeeded_at: poll.succeededAskedAt,
      admins: poll.admins,
      panel_counts_admins: poll.hasAdminUsage,
      error: poll.error && { code: poll.error.code, detail: poll.error.message },
    },
    scan: {
      pending: state.scansPending,
      running: round.startedAt !== null && round.finishedAt === null,
      started_at: round.startedAt,
      finished_at: round.finishedAt,
      took_ms: between(round.startedAt, round.finishedAt),
      admins_done: round.adminsDone,
      admins_total: round.adminsTotal,
      users_done: round.usersDone,
      users_total: round.usersTotal,
      failed: failed.map(({ id, username, code, message, startedAt }) => ({
        admin: { id, username },
        code,
        detail: message,
        started_at: startedAt,
      })),
    },
    suspicious: toSuspiciousBody(state.suspicious),
    ...toUnreadableBody(state.unreadable),
    front: state.front.map((reading) => ({
      purpose: reading.purpose,
      admin: reading.username,
      running: reading.running,
      started_at: reading.startedAt,
      finished_at: reading.finishedAt,
      users_done: reading.usersDone,
      users_total: reading.usersTotal,
    })),
  }
}

function between(from: Date | null, to: Date | null): bigint | null {
  return from && to ? BigInt(to.getTime() - from.getTime()) : null
}
