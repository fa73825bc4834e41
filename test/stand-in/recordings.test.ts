import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadRecordings, replay, steady, tokenOf } from './replay.ts'
import { type StandInPanel, startPanel } from './start.ts'
import type { PanelState } from './state.ts'

/** What happened on the recorded panel between two calls, by file and the call it happened before. */
const meanwhile: Record<string, Record<number, (state: PanelState) => void>> = {
  '03-traffic-resets-ownership': {
    0: (state) => {
      state.accrue('ada_one', 1_000)
      state.accrue('ada_two', 500)
      state.accrue('ben_one', 77)
      state.accrue('root_one', 11)
    },
    5: (state) => state.accrue('ada_one', 40),
    13: (state) => state.accrue('ada_two', 5),
    17: (state) => state.accrue('ada_one', 3),
  },
  '04-deletions': {
    19: (state) => {
      state.accrue('ada_old', 9)
      const now = Math.floor(state.now() / 1000)
      Object.assign(state.mustFind('ada_old'), { status: 'expired', expire: now - 1_000 })
      Object.assign(state.mustFind('ada_older'), { status: 'limited', expire: now - 2_000 })
    },
  },
}

const files = ['01-auth-and-admins', '02-users', '03-traffic-resets-ownership', '04-deletions']

describe.each(files)('recordings of %s', (file) => {
  test('are answered as the real panel answered', async () => {
    const recordings = await loadRecordings(file)
    for (const [index, { request, response }] of recordings.entries()) {
      meanwhile[file]?.[index]?.(panel.state)
      const answer = await replay(panel.url, tokens, request)
      const name = `${file} #${index}: ${request.method} ${request.path} as ${request.as}`
      expect(answer.status, name).toBe(response.status)
      expect(answer.headers, name).toMatchObject(response.headers)
      expect(steady(answer.body), name).toEqual(steady(response.body))
      if (request.form && answer.status === 200) tokens[request.form.username ?? ''] = tokenOf(answer.body)
    }
  })
})

let panel: StandInPanel
/** The callers' tokens; the recordings call the environment's account sudo. */
const tokens: Record<string, string> = { garbage: 'garbage' }

beforeAll(async () => {
  panel = await startPanel({ sudo: { username: 'root', password: 'rootpass' } })
})
afterAll(() => panel.close())
