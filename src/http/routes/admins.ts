import Type from 'typebox'
import { noAccount } from '../../errors.ts'
import type { Caller } from '../../work/callers/caller.ts'
import { may } from '../../work/callers/may.ts'
import type { LedgerApi } from '../../work/ledger-api.ts'
import type { App, RouteOptions } from '../app-type.ts'
import { isId, pageOf, pageParameters, readCursor, usualLimit, writeCursor } from '../input/page.ts'
import { adminParams, noQuery, panelName } from '../input/path-params.ts'
import { problemResponses } from '../problem/problem-schema.ts'
import { type AccountBody, accountSchema, toAccountBody } from '../schemas/account-schema.ts'
import { shared } from '../schemas/building-blocks.ts'
import { limitStates } from '../schemas/limit-schema.ts'
import { accountIdOf } from '../server/authorise.ts'

const sorts = [
  'id',
  '-id',
  'username',
  '-username',
  'total_traffic',
  '-total_traffic',
  'used_percent',
  '-used_percent',
] as const
type Sort = (typeof sorts)[number]
type AccountPage = Parameters<LedgerApi['accounts']>[0]
type AdminsPage = { items: AccountBody[]; next_cursor: string | null }

const listQuery = Type.Object(
  {
    username: Type.Optional(
      Type.String({
        ...panelName,
        description: 'Only accounts with exactly this name, closed ones included.',
        examples: ['reseller'],
      }),
    ),
    sort: Type.Optional(
      Type.Unsafe<Sort>({
        type: 'string',
        title: 'AdminSort',
        enum: sorts,
        default: 'id',
        description:
          'The order of the list. `-` in front means descending. `used_percent`: the used part of the allowance; accounts ' +
          'without a limit of traffic are the lowest.',
        examples: ['-total_traffic'],
      }),
    ),
    limit_state: Type.Optional(
      Type.Array(
        Type.Unsafe<(typeof limitStates)[number]>({ type: 'string', title: 'LimitState', enum: limitStates }),
        {
          minItems: 1,
          description: 'Only accounts whose limit is in one of these states, separated by commas.',
          examples: [['exceeded', 'expired']],
        },
      ),
    ),
    ...pageParameters,
  },
  { additionalProperties: false, style: 'form', explode: false },
)

/** One page of the list. */
export const accountPageSchema = pageOf('AccountPage', shared(accountSchema), 'One page of accounts.')

const listSchema = {
  operationId: 'listAdmins',
  tags: ['admins'],
  summary: 'List accounts',
  description:
    'A sudo admin or the operator gets the accounts of all admins. Any other admin gets its own. Traffic is in bytes.',
  querystring: listQuery,
  response: { 200: shared(accountPageSchema), ...problemResponses() },
}

const accountRouteSchema = {
  operationId: 'getAdmin',
  tags: ['admins'],
  summary: 'Read an account',
  description: 'One account, open or closed. Traffic is in bytes.',
  params: adminParams,
  querystring: noQuery,
  response: { 200: shared(accountSchema), ...problemResponses(404, 414) },
}

/** The accounts of admins. */
export async function adminRoutes(app: App, { services }: RouteOptions): Promise<void> {
  const config = { right: 'read account' } as const
  app.get('/admins', { schema: listSchema, config }, async ({ caller, query }): Promise<AdminsPage> => {
    const sort = query.sort ?? 'id'
    const page: AccountPage = { ...orderOf(sort), limit: query.limit ?? usualLimit, after: null }
    if (query.cursor !== undefined) page.after = readCursor(query.cursor, sort, isKeyOf(page.sort))
    if (query.username !== undefined) page.username = query.username
    if (query.limit_state !== undefined) page.limitStates = query.limit_state
    if (!may(caller, 'list accounts', null)) return ownPage(services, caller, page)
    const { items, next } = await services.accounts(page)
    return { items: items.map(toAccountBody), next_cursor: next && writeCursor({ sort, ...next }) }
  })

  app.get(
    '/admins/:id',
    { schema: accountRouteSchema, config },
    async ({ caller, params }): Promise<AccountBody> => {
      const adminId = accountIdOf(caller, params.id)
      const account = await services.account(adminId)
      if (!account) throw noAccount(adminId)
      return toAccountBody(account)
    },
  )
}

/** The list for an admin that is not sudo: only its own account, never an older account of the same name. */
async function ownPage(services: LedgerApi, caller: Caller, page: AccountPage): Promise<AdminsPage> {
  const isAsked = page.after === null && (page.username === undefined || page.username === caller.name)
  const account = isAsked && caller.adminId !== null ? await services.account(caller.adminId) : null
  const body = account && toAccountBody(account)
  const isWanted = body && (!page.limitStates || (body.limit && page.limitStates.includes(body.limit.state)))
  return { items: isWanted ? [body] : [], next_cursor: null }
}

function orderOf(sort: Sort): Pick<AccountPage, 'sort' | 'descending'> {
  return { sort: sort.replace('-', '') as AccountPage['sort'], descending: sort.startsWith('-') }
}

function isKeyOf(sort: AccountPage['sort']): (key: string) => boolean {
  if (sort === 'username') return (key) => !key.includes('\0')
  // With an allowance of one byte, a total of 2^63 is many percent.
  return sort === 'used_percent' ? (key) => /^(-1|\d{1,21})$/.test(key) : isId
}
