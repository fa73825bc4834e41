import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { wrongKeys } from '../../support/api-keys.ts'
import type { Operation } from '../operations.ts'
import { callers, derived, endBulks, type Headers, openScene, scene } from './rights-scene.ts'
import { deleting, table } from './rights-table.ts'

type Answer = { statusCode: number; json(): { items?: Item[]; state?: string } }
type Item = { username: string | null; admin: { username: string } | null }

beforeAll(openScene)
afterEach(endBulks)
afterAll(() => scene.service.close())

/** The status, and what the answer shows: the names of a list of admins, or the state of a receipt. */
function outcomeOf(operationId: string, answer: Answer): string {
  if (answer.statusCode >= 300 || answer.statusCode === 204) return String(answer.statusCode)
  const { items = [], state } = answer.json()
  if (operationId === 'listApiKeys') {
    // The sudo admin has made itself a key on the way.
    const admins = new Set(
      items.map(({ admin }) => admin?.username ?? 'none').filter((name) => name !== 'root'),
    )
    return `200:${[...admins].sort().join(',')}`
  }
  if (operationId === 'listAdmins') return `200:${items.map(({ username }) => username).join(',')}`
  const isReceipt = /delet/i.test(operationId) && state !== undefined
  return isReceipt ? `${answer.statusCode}:${state}` : String(answer.statusCode)
}

test('every call of the document has its lines in the table, or is open to everybody', () => {
  const guarded = scene.operations.filter(({ isOpen }) => !isOpen).map(({ operationId }) => operationId)
  expect(Object.keys(table).sort()).toEqual(guarded.sort())
  const open = scene.operations.filter(({ isOpen }) => isOpen).map(({ operationId }) => operationId)
  expect(open.sort()).toEqual(['getHealth', 'getReadiness', 'receiveWebhooks'])
})

test('the calls of the table refuse a caller without credentials, or with wrong ones, each in the same words', async () => {
  const texts = Object.values(await wrongKeys(scene.service.db))
  const wrong: Headers[] = [
    ...texts.map((text) => ({ 'x-api-key': text })),
    ...texts.map((text) => ({ authorization: `Bearer ${text}` })),
    ...texts.map((text) => ({ authorization: `Basic ${btoa(`me:${text}`)}` })),
  ]
  const others: Headers[] = [{}, { authorization: 'Bearer garbage' }, { 'x-api-key': 'garbage' }]
  for (const { operationId, method, path, isOpen } of scene.operations) {
    const url = path.replace(/\{\w+\}/, '1')
    for (const headers of [...others, ...(isOpen ? [] : wrong)]) {
      const answer = await scene.service.app.inject({ method, url, headers })
      expect([operationId, headers, answer.statusCode === 401]).toEqual([operationId, headers, !isOpen])
      if (wrong.includes(headers)) {
        expect(answer.json().detail).toBe('This API key is unknown, revoked or expired.')
      }
    }
  }
})

const cells = Object.entries(table).flatMap(([operationId, rows]) =>
  rows.map(([what, ask, answers]) => ({ operationId, what, ask, answers: answers.split(' ') })),
)

const operationOf = (operationId: string): Operation => {
  const found = scene.operations.find((operation) => operation.operationId === operationId)
  if (!found) throw new Error(`the document has no ${operationId}`)
  return found
}

/** Asks as a caller. @returns what it got. */
async function askAs(
  headers: Headers,
  { operationId, ask }: Pick<(typeof cells)[number], 'operationId' | 'ask'>,
) {
  const { url, payload, done } = await ask()
  const { method } = operationOf(operationId)
  const answer = await scene.service.app.inject({ method, url, headers, ...(payload && { payload }) })
  done?.(answer.statusCode < 300)
  return outcomeOf(operationId, answer)
}

describe.each(Object.entries(callers))('%s', (kind, headersOf) => {
  const column = Object.keys(callers).indexOf(kind)
  test.each(cells)('$operationId: $what', async ({ answers, ...cell }) => {
    expect(await askAs(headersOf(), cell)).toBe(answers[column])
  })
})

describe.each(Object.entries(derived))('%s', (_kind, [headersOf, as, isForCall]) => {
  const column = Object.keys(callers).indexOf(as)
  test.each(cells)('$operationId: $what', async ({ answers, ...cell }) => {
    const isFor = isForCall(operationOf(cell.operationId))
    expect(await askAs(headersOf(), cell)).toBe(isFor ? answers[column] : '403')
  })
})

/** The kinds of callers of the document, by the callers above. */
const kinds: Record<string, string> = {
  API_KEY: 'the operator',
  'sudo admin': 'a sudo admin',
  admin: 'an admin (ana)',
  'admin key, write': 'a key of ana that may write',
  'sudo key, write': 'a sudo key that may write',
  'sudo key, read': 'a sudo key that may read',
  'admin key, read': 'a key of ana that may read',
  'metrics key': 'a metrics key',
}

test('the document says of each call who may make it, as the table does', () => {
  for (const operation of scene.operations) {
    const lines = cells.filter(({ operationId }) => operationId === operation.operationId)
    if (operation.isOpen) expect(operation.rights).toBeUndefined()
    else expect(Object.keys(operation.rights ?? {}).sort()).toEqual(Object.keys(kinds).sort())
    for (const [kind, reach] of Object.entries(operation.rights ?? {})) {
      const [, as = kinds[kind], isForCall = () => true] = derived[kinds[kind] ?? ''] ?? []
      const column = Object.keys(callers).indexOf(as ?? '')
      const got = lines.map(({ answers }) => (isForCall(operation) ? answers[column] : '403'))
      const isRefused = got.every((answer) => answer === '403')
      const isForAll = lines.every(
        ({ what, answers }) => what.includes('own') || /^20/.test(answers[column] ?? ''),
      )
      const expected = isRefused
        ? 'none'
        : isForAll && ['the operator', 'a sudo admin'].includes(as ?? '')
          ? 'all'
          : 'own'
      expect([operation.operationId, kind, reach]).toEqual([operation.operationId, kind, expected])
    }
  }
})

test('the description of the API has a line for each call that needs a login, as the calls have it', async () => {
  const { info } = (await scene.service.app.inject('/openapi.json')).json()
  const words = { all: 'all', own: 'own', none: '-' }
  for (const { method, path, rights } of scene.operations) {
    if (!rights) continue
    const line = Object.values(rights).map((reach) => words[reach])
    expect(info.description).toContain(`| ${method} ${path} | ${line.join(' | ')} |`)
  }
})

describe('an admin that the ledger does not know yet', () => {
  test('deletes its own user all the same: the final reading opens its account', async () => {
    scene.service.panel.state.createAdmin('later')
    // Before its account is open.
    await scene.service.app.inject({ url: '/admins', headers: scene.service.as('later') })
    const { url, done } = deleting('later')
    const answer = await scene.service.app.inject({
      method: 'DELETE',
      url,
      headers: scene.service.as('later'),
    })
    expect(answer.json()).toMatchObject({
      state: 'deleted',
      admin_id: Number(await scene.service.idOf('later')),
    })
    done?.(true)
  })
})
