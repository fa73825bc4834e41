import Type from 'typebox'
import type { App, RouteOptions } from '../app-type.ts'
import { adminParams } from '../input/path-params.ts'
import { problemResponses } from '../problem/problem-schema.ts'
import { type StatsBody, statsSchema, toStatsBody } from '../schemas/account-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import { accountIdOf } from '../server/authorise.ts'

const schema = {
  operationId: 'getAdminStats',
  tags: ['admins'],
  summary: "Read an admin's traffic",
  description:
    'What the users of an admin have ever consumed, in bytes: `total_traffic` never decreases, whatever is deleted, ' +
    'reset or moved in the panel. When the panel does not answer, the last known figures come back with `stale: true` ' +
    'and the time they are from.',
  params: adminParams,
  querystring: Type.Object(
    {
      max_age: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 86_400,
          examples: [60],
          description:
            "Seconds that the figures may be old. Older ones are renewed first: the admin's counter in the panel is read " +
            'now. Left out: what the last poll saw.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: { 200: shared(statsSchema), ...problemResponses(404, 414) },
}

/** The figures that limits and invoices are made from. */
export async function statsRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get('/admins/:id/stats', { schema }, async ({ caller, params, query }): Promise<StatsBody> => {
    const { account, stale } = await services.stats.read(
      accountIdOf(caller, params.id),
      query.max_age ?? null,
    )
    return toStatsBody(account, stale)
  })
}
