import { type Answer, json, Refusal } from './answer.ts'
import type { Tokens } from './auth.ts'
import type { Who } from './call.ts'
import { servePage } from './pages.ts'
import type { Traits } from './release.ts'
import { findRoute, notFound } from './routes.ts'
import type { PanelState } from './state.ts'

export type Request = {
  method: string
  /** As it stood in the request line. */
  target: string
  host: string
  authorization: string | undefined
  body: string
}

export type Served = { answer: Answer; path: string; as: string | null }

/** Answers one request as the panel's router does: on the path decoded once, letter by letter. */
export function serve(panel: Traits & { state: PanelState; tokens: Tokens }, request: Request): Served {
  const { state, tokens, ...traits } = panel
  const path = pathOf(request.target)
  const query = new URLSearchParams(request.target.split('?').slice(1).join('?'))
  let who: Who | null = null
  try {
    if (request.method === 'POST' && path === '/api/admin/token') {
      return { answer: json(tokens.logIn(new URLSearchParams(request.body))), path, as: null }
    }
    const { route, variables, allowed } = findRoute(request.method, path, traits)
    if (route) {
      // The admin that a path names is looked for before anybody asks who calls.
      if (variables.admin !== undefined && !state.findAdmin(variables.admin)) {
        throw new Refusal(404, 'Admin not found')
      }
      who = tokens.identify(request.authorization)
      const call = { state, ...traits, who, path: variables, query, body: request.body }
      return { answer: route.handle(call), path, as: who.username }
    }
    const answer =
      servePage(state, path) ??
      (allowed.length > 0
        ? json({ detail: 'Method Not Allowed' }, 405, { allow: allowed.join(', ') })
        : (redirectSlash(request, path, traits) ?? notFound))
    return { answer, path, as: null }
  } catch (error) {
    if (error instanceof Refusal) return { answer: error.answer, path, as: who?.username ?? null }
    throw error
  }
}

/** A path that matches with one slash at its end more or less is redirected there. */
function redirectSlash(request: Request, path: string, traits: Traits): Answer | null {
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  if (path === '/' || findRoute(request.method, other, traits).allowed.length === 0) return null
  const query = request.target.includes('?') ? request.target.slice(request.target.indexOf('?')) : ''
  return { status: 307, headers: { location: `http://${request.host}${encodeURI(other)}${query}` }, body: '' }
}

/** The path that the panel's router sees: decoded once, whatever the bytes are. */
export function pathOf(target: string): string {
  const bytes = (target.split('?', 1)[0] ?? '').replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
