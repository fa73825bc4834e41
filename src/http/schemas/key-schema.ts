import Type, { type Static } from 'typebox'
import type { ApiKeys } from '../../work/callers/api-keys.ts'
import { int64, named, textOrNull, time, timeOrNull } from './building-blocks.ts'

type ApiKey = Awaited<ReturnType<ApiKeys['revoke']>>

export const keyRoles = ['sudo', 'admin', 'metrics'] as const satisfies readonly ApiKey['role'][]
export const keyAccesses = ['read', 'write'] as const satisfies readonly ApiKey['access'][]

export const roleMeaning =
  '`sudo`: the rights of a sudo admin, without making and revoking keys; `admin`: the rights of one admin, to its own ' +
  'account; `metrics`: for the metrics of the service. This version has no metrics, so such a key may do nothing.'
export const accessMeaning = '`read`: calls that only read; `write`: all calls of the role.'

const admin = Type.Object({
  id: int64("The account's id.", 3),
  username: Type.String({ description: "The admin's name in the panel.", examples: ['reseller'] }),
})

const keyFields = {
  id: int64("The key's id.", 7),
  name: Type.String({ description: 'What it is for.', examples: ['Grafana'] }),
  role: Type.Unsafe<ApiKey['role']>({
    type: 'string',
    title: 'KeyRole',
    enum: keyRoles,
    description: roleMeaning,
    examples: ['admin'],
  }),
  access: Type.Unsafe<ApiKey['access']>({
    type: 'string',
    title: 'KeyAccess',
    enum: keyAccesses,
    description: accessMeaning,
    examples: ['read'],
  }),
  admin: Type.Unsafe<Static<typeof admin> | null>({
    ...admin,
    title: 'AccountOfKey',
    nullable: true,
    description: 'The account that it acts for; null: the role is not `admin`.',
  }),
  created_at: time('When it was made.'),
  created_by: Type.String({
    description: 'Who made it: `api_key`, `terminal`, or `admin:` and the name of an admin of the panel.',
    examples: ['admin:root'],
  }),
  expires_at: timeOrNull('From when on it is refused; null: it does not expire.'),
  last_used_at: timeOrNull('When it was last used, to the minute; null: never.'),
  revoked_at: timeOrNull('When it was revoked; null: it is not revoked.'),
  revoked_by: textOrNull('Who revoked it.', 'admin:root'),
}

/** An API key without its secret: an item of `GET /api-keys`. */
export const keySchema = named(
  'ApiKey',
  Type.Object(keyFields, { description: 'An API key, without its secret.' }),
)
export type KeyBody = Static<typeof keySchema>

/** A new API key: the body of `POST /api-keys`. */
export const newKeySchema = named(
  'NewApiKey',
  Type.Object(
    {
      ...keyFields,
      key: Type.String({
        description:
          'The key: send it as `X-API-Key`, after `Bearer`, or as the password of `Basic`. It is shown only now.',
        examples: ['mzl_7_pVq0Zb7eC1mXo5n2Yt8wRk3uJd6hGf9sLa4iQxE-Tz0'],
      }),
    },
    { description: 'A new API key. This is the only answer that has the key itself.' },
  ),
)
export type NewKeyBody = Static<typeof newKeySchema>

export function toKeyBody(key: ApiKey): KeyBody {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    access: key.access,
    admin: key.adminId === null || key.admin === null ? null : { id: key.adminId, username: key.admin },
    created_at: key.createdAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt,
    last_used_at: key.lastUsedAt,
    revoked_at: key.revokedAt,
    revoked_by: key.revokedBy,
  }
}
