import { isLedgerError } from '../../src/errors.ts'
import type { Forwarded, ForwardedAnswer, Forwarder } from '../../src/panel/types.ts'
import { callsOf, type Samples, type VirtualPanel } from './panel.ts'
import type { Gate, Operation } from './point.ts'

type Act = (name: string, query: URLSearchParams) => ForwardedAnswer | Promise<ForwardedAnswer>
type Route = { method: Forwarded['method']; pattern: RegExp; act: Act }

const done = answer(200, { detail: 'done' })
const missing = answer(404, { detail: 'not found' })

/** The panel's own API as the front forwards calls to it: each stops before the panel acts, and before its answer arrives. */
export function forwarderOf(
  panel: VirtualPanel,
  operation: Operation,
  scheduler: Gate,
  options: {
    samples: Samples
    beforeDeletion: (username: string) => Promise<void>
    /** Who calls: an admin of the panel, or null for the account of its environment, which is in no list. */
    by: string | null
    /** Users that the panel calls expired. */
    expired: readonly string[]
  },
): Forwarder {
  const call = callsOf(operation, scheduler)
  const since = panel.told
  const routes: Route[] = [
    {
      method: 'GET',
      pattern: /^\/api\/users\/expired$/,
      act: () => {
        const names = options.expired.filter((name) => panel.users.has(name))
        return names.length > 0 ? answer(200, names) : missing
      },
    },
    {
      method: 'GET',
      pattern: /^\/api\/user\/(.+)$/,
      act: (name) => (panel.users.has(name) ? done : missing),
    },
    {
      method: 'DELETE',
      pattern: /^\/api\/user\/(.+)$/,
      act: async (name) => {
        const user = panel.users.get(name)
        if (!user) return missing
        await options.beforeDeletion(name)
        panel.remove(name)
        return user.owner === null ? answer(500, 'Internal Server Error') : done
      },
    },
    {
      method: 'PUT',
      pattern: /^\/api\/user\/(.+)\/set-owner$/,
      act: (name, query) => {
        const owner = query.get('admin_username') ?? ''
        if (!panel.users.has(name) || !panel.usage.has(owner)) return missing
        panel.move(name, owner)
        return done
      },
    },
    {
      method: 'POST',
      pattern: /^\/api\/users\/reset$/,
      act: () => {
        options.samples.resets.push(...panel.resetThroughFront(options.by, since))
        return done
      },
    },
    {
      method: 'POST',
      pattern: /^\/api\/admin\/usage\/reset\/(.+)$/,
      act: (name) => {
        if (!panel.usage.has(name)) return missing
        panel.resetUsage(name)
        return done
      },
    },
    {
      method: 'DELETE',
      pattern: /^\/api\/admin\/(.+)$/,
      act: (name) => (panel.deleteAdmin(name) ? done : missing),
    },
  ]

  return {
    origin: 'http://panel',
    basePath: '',
    forward: async ({ method, target }) => {
      const { pathname, searchParams } = new URL(target, 'http://panel')
      const route = routes.find((one) => one.method === method && one.pattern.test(pathname))
      if (!route) throw new Error(`the simulated panel has no ${method} ${target}`)
      const name = decodeURIComponent(route.pattern.exec(pathname)?.[1] ?? '')
      try {
        return await call(`${method} ${pathname} through the front`, () => route.act(name, searchParams))
      } catch (error) {
        // Who forwards calls gives a 500 back as it is.
        if (isLedgerError(error, 'panel_failed')) return answer(500, 'Internal Server Error')
        throw error
      }
    },
    open: () => {
      throw new Error('the simulator streams nothing')
    },
    openSocket: () => {
      throw new Error('the simulator has no WebSockets')
    },
    close: async () => {},
  }
}

function answer(status: number, body: unknown): ForwardedAnswer {
  return { status, headers: {}, body: Buffer.from(JSON.stringify(body)) }
}
