import Type, { type Static } from 'typebox'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, time } from './building-blocks.ts'

type Failures = ReturnType<LedgerApi['failures']>

const failing = {
  work: Type.String({
    description: 'What fails: a queue, or another part of the background work.',
    examples: ['poll', 'scan'],
  }),
  code: Type.String({
    description: 'The last error, for programs; `internal_error`: the log has the cause.',
    examples: ['database_unavailable'],
  }),
  since: time('When it failed first since it last succeeded.'),
  last_at: time('When it failed last.'),
  times: int64('How often it has failed since then.', 3),
}

/** Background work that fails now: a part of the body of `GET /readyz`, which anyone may read. */
export const failingSchema = Type.Array(Type.Object(failing), {
  description: 'Background work of this replica that fails now, one entry for each kind.',
})

/** The same with what it is about and the errors' texts: a part of the body of `GET /sync`. */
export const failuresSchema = Type.Array(
  Type.Object({
    ...failing,
    about: Type.Unsafe<string | null>({
      type: 'string',
      nullable: true,
      description:
        'What the work was about: for a scan the name of the admin, for a job an id; null: nothing of its own.',
      examples: ['reseller'],
    }),
    detail: Type.String({
      description: 'The last error, for people.',
      examples: ['The panel did not answer in 10 s.'],
    }),
  }),
  {
    description:
      'Background work of the replica that answers which fails now, the latest first: polls, scans, jobs, and what must follow a ' +
      'change. An entry leaves the list when the work succeeds, or an hour after its last failure.',
  },
)

/** Says nothing of the admins and the errors: strangers read it. `failures`: the latest first. */
export function toFailingBody(failures: Failures): Static<typeof failingSchema> {
  return [...Map.groupBy(failures, ({ work }) => work.kind)].map(([kind, alike]) => ({
    work: kind,
    code: alike[0]?.code ?? '',
    since: new Date(Math.min(...alike.map(({ since }) => since.getTime()))),
    last_at: new Date(Math.max(...alike.map(({ lastAt }) => lastAt.getTime()))),
    times: alike.reduce((sum, { times }) => sum + BigInt(times), 0n),
  }))
}

export function toFailuresBody(failures: Failures): Static<typeof failuresSchema> {
  return failures.map(({ work, code, message, since, lastAt, times }) => ({
    work: work.kind,
    about: work.about ?? null,
    code,
    detail: message,
    since,
    last_at: lastAt,
    times: BigInt(times),
  }))
}
