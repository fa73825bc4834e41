import Type, { type Static } from 'typebox'
import type { LedgerApi } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { noQuery } from '../input/path-params.ts'
import { problemResponses } from '../problem/problem-schema.ts'
import {
  int64,
  int64OrNull,
  named,
  shared,
  textOrNull,
  time,
  timeOrNull,
} from '../schemas/building-blocks.ts'
import { failuresSchema, toFailuresBody } from '../schemas/failure-schema.ts'
import { suspiciousSchema, toSuspiciousBody } from '../schemas/suspicious-schema.ts'
import { toUnreadableBody, unreadableSchema } from '../schemas/unreadable-schema.ts'

const failure = {
  code: Type.String({ description: 'The error, for programs.', examples: ['panel_timeout'] }),
  detail: Type.String({
    description: 'The error, for people.',
    examples: ['The panel did not answer in 10 s.'],
  }),
}

const poll = Type.Object(
  {
    pending: Type.Boolean({
      description: 'Whether POST /sync waits for the next answer of the panel.',
    }),
    asked_at: timeOrNull('When the service last asked the panel; null: never.'),
    answered_at: timeOrNull('When the panel answered, or the request failed.'),
    took_ms: int64OrNull('Milliseconds between these two times.', 17),
    succeeded_at: timeOrNull('When the service sent the last request that succeeded.'),
    admins: int64OrNull('Admins in the last good answer.', 12),
    panel_counts_admins: Type.Unsafe<boolean | null>({
      type: 'boolean',
      nullable: true,
      description:
        'Whether the panel has a counter for each admin (Marzban 0.8 and later); null: not known, it has no admins.',
    }),
    error: Type.Unsafe<{ code: string; detail: string } | null>({
      ...Type.Object(failure, { description: 'Why the last poll failed; null: it did not fail.' }),
      title: 'PollFailure',
      nullable: true,
    }),
  },
  { description: 'The last poll: one request for the counters of all admins.' },
)

const scan = Type.Object(
  {
    pending: int64('Admins whose scan has not started yet.', 8),
    running: Type.Boolean({
      description:
        'Whether a round runs, or has been asked for and is still to come. False: everything that was asked for is read, ' +
        'apart from `failed`.',
    }),
    started_at: timeOrNull('When the round started; null: it is still to come, or there was none yet.'),
    finished_at: timeOrNull('When the round ended; null: it runs, or is still to come.'),
    took_ms: int64OrNull('Milliseconds between these two times.', 41_000),
    admins_done: int64('Admins whose users are read.', 4),
    admins_total: int64('All admins of the round.', 12),
    users_done: int64('Users that are read.', 4_100),
    users_total: int64('All users of the round, as far as known.', 9_800),
    failed: Type.Array(
      Type.Object({
        admin: Type.Object({
          id: int64("The account's id.", 3),
          username: Type.String({ examples: ['reseller'] }),
        }),
        ...failure,
        started_at: time('When this scan started.'),
      }),
      { description: 'Admins whose last scan failed, the latest 20.' },
    ),
  },
  {
    description:
      'The round of scans that runs or is still to come, otherwise the last one. A scan reads all users of one admin.',
  },
)

const front = Type.Object(
  {
    purpose: Type.Unsafe<'reset_users' | 'delete_admin'>({
      type: 'string',
      title: 'FrontPurpose',
      enum: ['reset_users', 'delete_admin'],
      description: 'The call that waits for the readings: a reset of all users, or the deletion of an admin.',
    }),
    admin: textOrNull('The admin whose users the service reads; null: all users.', 'reseller'),
    running: Type.Boolean({ description: 'Whether the service reads them now.' }),
    started_at: time('When the service started to read.'),
    finished_at: timeOrNull(
      'When it ended. Null, and `running` is false: the service stopped and forwarded nothing.',
    ),
    users_done: int64('Users that are read.', 4_100),
    users_total: int64OrNull('All users to read; null: not known yet.', 9_800),
  },
  { description: 'Readings of users before the service forwards a call to the panel.' },
)

/** The state of the collector: the body of `GET /sync`. */
export const syncSchema = named(
  'Sync',
  Type.Object(
    {
      requested_at: timeOrNull(
        'When everything was last asked to be read: by POST /sync, or after a call with an unknown outcome. Everything is ' +
          'read when `scan.running` is false; `scan.finished_at` is null until then.',
      ),
      poll,
      scan,
      front: Type.Array(front, { description: 'The latest 20, the newest first.' }),
      suspicious: suspiciousSchema,
      ...unreadableSchema,
      failures: failuresSchema,
    },
    { description: 'The last readings of the panel, how long they took, and their errors.' },
  ),
)
type SyncBody = Static<typeof syncSchema>

const readSchema = {
  operationId: 'getSync',
  tags: ['sync'],
  summary: 'See what the service has read',
  description:
    'Shows the last poll and the last scans, how long they took in milliseconds, and what is pending or running. To wait for ' +
    'POST /sync, repeat this call until `scan.running` is false: it is true from the answer of POST /sync on. `scan.failed` ' +
    'lists admins whose scan failed, `unreadable` single users and admins that cannot be read, `suspicious` counted bytes ' +
    'that look wrong. For sudo admins only.',
  querystring: noQuery,
  response: { 200: shared(syncSchema), ...problemResponses() },
}

const startSchema = {
  operationId: 'startSync',
  tags: ['sync'],
  summary: 'Read everything now',
  description:
    'Starts a poll of all admins and a scan of all users. The answer does not wait for them; GET /sync shows the ' +
    'progress. `requested_at` is the time of this call. For sudo admins only.',
  querystring: noQuery,
  response: {
    202: {
      description: 'Accepted. The body shows the current state.',
      headers: { Location: { type: 'string', description: 'The path that shows the progress: /sync.' } },
      content: { 'application/json': { schema: shared(syncSchema) } },
    },
    ...problemResponses(413, 415),
  },
}

/** The state of the collector, and a call that starts it. */
export async function syncRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get('/sync', { schema: readSchema, config: { right: 'read sync' } }, async (): Promise<SyncBody> => {
    return { ...toSyncBody(await services.sync()), failures: toFailuresBody(services.failures()) }
  })

  app.post(
    '/sync',
    { schema: startSchema, config: { right: 'request sync' } },
    async (_request, reply): Promise<SyncBody> => {
      const requestedAt = await services.requestSync()
      reply.code(202).header('location', '/sync')
      // Another caller may have asked meanwhile.
      const body = toSyncBody(await services.sync())
      return { ...body, failures: toFailuresBody(services.failures()), requested_at: requestedAt }
    },
  )
}

function toSyncBody(state: Awaited<ReturnType<LedgerApi['sync']>>): Omit<SyncBody, 'failures'> {
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
      running: state.isUnderWay,
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
