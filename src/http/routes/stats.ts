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
    "All traffic that the admin's users ever consumed, in bytes. `total_traffic` never falls, whatever is deleted, reset or " +
    'moved in the panel. If the panel does not answer, you get the last known figures with `stale: true`; `as_of` is ' +
    'their time.',
  params: adminParams,
  querystring: Type.Object(
    {
      max_age: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 86_400,
          examples: [60],
          description:
            "The highest age of the figures, in seconds. If they are older, the service first reads the admin's counter in " +
            'the panel. Left out: the figures of the last poll.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: { 200: shared(statsSchema), ...problemResponses(404, 414) },
}

/** The figures for limits and invoices. */
export async function statsRoutes(app: App, { services }: RouteOptions): Promise<void> {
  app.get(
    '/admins/:id/stats',
    { schema, config: { right: 'read account' } },
    async ({ caller, params, query }): Promise<StatsBody> => {
      const { account, stale } = await services.stats.read(
        accountIdOf(caller, params.id),
        query.max_age ?? null,
      )
      return toStatsBody(account, stale)
    },
  )
}
