import Type, { type Static } from 'typebox'
import type { LedgerApi } from '../../work/ledger-api.ts'
import { int64, time } from './building-blocks.ts'

const failing = {
  work: Type.String({
    description: 'What fails: a queue or another part of the background work, and what it was about.',
    examples: ['poll', 'scan of reseller'],
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
  description: 'Background work of this replica that fails now.',
})

/** The same with the errors' texts: a part of the body of `GET /sync`. */
export const failuresSchema = Type.Array(
  Type.Object({
    ...failing,
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

export function toFailuresBody(failures: ReturnType<LedgerApi['failures']>): Static<typeof failuresSchema> {
  return failures.map(({ work, code, message, since, lastAt, times }) => ({
    work,
    code,
    detail: message,
    since,
    last_at: lastAt,
    times: BigInt(times),
  }))
}
