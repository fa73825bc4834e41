import { setTimeout } from 'node:timers/promises'
import type { Answer } from './answer.ts'

/** Milliseconds of a real panel's only core that it takes to read a user and delete it. */
export const deletionCosts = 9 + 15

/** What an answer costs a real panel, in milliseconds of its only core (measured at 20,000 users and 1,000 admins). */
export function costOf(method: string, path: string, answer: Answer, admins: number): number {
  if (method === 'GET' && path === '/api/users') return 4 * (answer.listedUsers ?? 0) + 1
  if (method === 'GET' && path === '/api/admins') return 4 + admins * 0.013
  if (method === 'GET' && path.startsWith('/api/admin/usage/')) return 3
  if (method === 'GET' && path === '/api/admin') return 4
  if (method === 'DELETE') return 15
  return 9
}

/** One core: what is asked of it at the same time is done one after the other. */
export class Core {
  private freeAt = 0

  async spend(ms: number): Promise<void> {
    const now = performance.now()
    this.freeAt = Math.max(this.freeAt, now) + ms
    await setTimeout(this.freeAt - now)
  }
}
