import { type Answer, Refusal } from './answer.ts'
import { linkOf } from './render.ts'
import type { PanelState } from './state.ts'

/** What the panel serves to people and their clients without asking who they are; null for any other path. */
export function servePage(state: PanelState, path: string): Answer | null {
  if (path === '/dashboard/' || path === '/dashboard/login') {
    return {
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<!doctype html>Marzban',
    }
  }
  if (path === '/dashboard') {
    return { status: 307, headers: { location: '/dashboard/' }, body: '' }
  }
  if (path.startsWith('/statics/')) {
    return { status: 200, headers: { 'content-type': 'text/javascript' }, body: `// ${path}` }
  }
  const token = /^\/sub\/([^/]+)\/?$/.exec(path)?.[1]
  if (token === undefined) return null
  const user = [...state.users.values()].find((candidate) => candidate.token === token)
  if (!user) throw new Refusal(404, 'Not Found')
  return {
    status: 200,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'subscription-userinfo': `upload=0; download=${user.used}; total=${user.dataLimit ?? 0}; expire=${user.expire ?? 0}`,
    },
    body: Buffer.from(linkOf(user)).toString('base64'),
  }
}
