import { once } from 'node:events'
import net from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { until } from '../support/until.ts'
import type { Journal } from './journal.ts'
import { show } from './rest.ts'
import type { Stage } from './stage.ts'

/** What a service that does nothing else keeps open: its pools' upper bounds, and three sessions. */
const sessionsAtMost: Record<string, number> = {
  'marzban-ledger': 10,
  'marzban-ledger-jobs': 4,
  'marzban-ledger-worker': 1,
  'marzban-ledger-outbox': 1,
  'marzban-ledger lease': 1,
}
const panelConnectionsAtMost = 16
/** How long the queues' own housekeeping may take. */
const tidyMs = 90_000
const drainMs = 25_000

/** While the service runs and has nothing to do: no job and no session that nothing will ever end. */
export async function checkIdle(stage: Stage, journal: Journal): Promise<void> {
  await until('no job is left behind', async () => (await jobsLeft(stage)).length === 0, tidyMs).catch(
    async () => journal.fault(`jobs are left behind: ${show(await jobsLeft(stage))}`),
  )
  const sessions = await stage.query<{ name: string; count: number; idle: number }>(`
    select application_name as name, count(*)::int as count, count(*) filter (
      where state like 'idle in transaction%' and state_change < pg_catalog.now() - interval '5 seconds')::int as idle
    from pg_stat_activity where backend_type = 'client backend' and application_name <> 'chaos' group by 1`)
  for (const { name, count, idle } of sessions) {
    if (count > (sessionsAtMost[name] ?? 0)) journal.fault(`${count} sessions of ${name} are open`)
    if (idle > 0) journal.fault(`${idle} sessions of ${name} are idle in a transaction`)
  }
  const connections = await stage.panel.connections()
  if (connections > panelConnectionsAtMost) journal.fault(`${connections} connections to the panel are open`)
}

/** What somebody wants to know who finds that nothing goes on: jobs, sessions, clocks, deletions. */
export async function stateOf(stage: Stage): Promise<object> {
  const jobs = await stage.query(`
    select name, state, singleton_key, created_on - queue_now() as created, start_after - queue_now() as due,
      heartbeat_on - queue_now() as heartbeat
    from pgboss.job where state not in ('completed', 'cancelled') order by created_on`)
  const sessions = await stage.query(`
    select application_name as name, state, wait_event as waits, state_change - pg_catalog.now() as since, left(query, 200) as query
    from pg_stat_activity where backend_type = 'client backend' order by 1`)
  const clocks = await stage.query(
    'select pg_catalog.now() as real, chaos.now() as shown, queue_now() as queues, pgboss.job_now() as jobs, latest, behind from queue_clock',
  )
  const open = await stage.query('select * from deletions where finished_at is null')
  return { jobs, sessions, clocks, open }
}

/**
 * Jobs other than those that come and go all the time: the next poll and whatever is due within the second. What failed and
 * was made up for since is kept by the queues for ten minutes.
 */
async function jobsLeft(stage: Stage): Promise<object[]> {
  return stage.query(`
    select name, state, count(*)::int as count from pgboss.job
    where state = 'failed'
      or (state in ('created', 'retry', 'active') and created_on < queue_now() - interval '5 seconds')
    group by 1, 2`)
}

/** SIGTERM ends the service with 0, and nothing of it is left. */
export async function checkEnd(stage: Stage, journal: Journal): Promise<void> {
  const { url } = stage.service
  const ended = stage.service.end('SIGTERM')
  const code = await Promise.race([ended, setTimeout(drainMs, 'nothing, and runs on', { ref: false })])
  if (code !== 0) journal.fault(`SIGTERM made the service end with ${code}`)
  if (await stage.postgres()) journal.fault('the service has ended, and its Postgres runs')
  if (await accepts(Number(new URL(url).port))) journal.fault('the service has ended, and its port is open')
  const connections = await stage.panel.connections()
  if (connections > 0)
    journal.fault(`the service has ended, and ${connections} connections to the panel are open`)
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
