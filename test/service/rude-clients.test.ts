import { readdirSync, readlinkSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { residentBytes } from '../bench/resident.ts'
import { type StandInPanel, startPanel } from '../stand-in/start.ts'
import { effort } from '../support/effort.ts'
import { useLedger } from '../support/ledger.ts'
import { createRandom } from '../support/random.ts'
import { type ServiceProcess, startServiceProcess, until } from '../support/service-process.ts'
import { beRude, type Rights } from './rude-clients.ts'

/** 5,000 take some minutes; `CONNECTIONS=5000` for the night. */
const connections = effort('CONNECTIONS', { newcomer: 800, ci: 1_000 })
const seed = Number(process.env.SEED ?? 1)
const atOnce = 40
/** Connections to the database and to the panel, which come and go. */
const spareSockets = 15
const mebibyte = 1024 * 1024

const ledger = useLedger()
let panel: StandInPanel
let rights: Rights

beforeAll(async () => {
  panel = await startPanel()
  const token = (username: string, password: string) =>
    panel.tokens.logIn(new URLSearchParams({ username, password })).access_token
  const ada = panel.state.createAdmin('ada')
  panel.state.createUser('alice', { admin: 'ada', lifetime: 7n })
  rights = { sudo: token(panel.sudo.username, panel.sudo.password), admin: token('ada', ada.password) }
})
afterAll(() => panel.close())

async function abuse(service: ServiceProcess, random: ReturnType<typeof createRandom>, count: number) {
  let left = count
  const client = async () => {
    while (left > 0) {
      left -= 1
      await beRude(service.url, random, rights)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
}

/** Sockets that a process has open. */
function socketsOf(pid: number): number {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return links.filter((link) => link.startsWith('socket:')).length
}

test('nothing that clients do to their sockets ends the service, or stays behind', {
  timeout: 60_000 + connections * 200,
}, async () => {
  const service = await startServiceProcess(panel, {
    DATABASE_URL: ledger.url,
    POLL_INTERVAL: '3600',
    SCAN_INTERVAL: '86400',
    LOG_LEVEL: 'info',
  })
  const pid = service.child.pid ?? 0
  const random = createRandom(seed)
  const idle = socketsOf(pid)
  const settle = async () => {
    // What undici keeps alive ends after some seconds without use.
    await until('the connections to the panel have ended', async () => panel.connections() <= 10, 60_000)
    await until('the clients are forgotten', async () => socketsOf(pid) <= idle + spareSockets, 60_000)
    expect(await service.call('GET', '/healthz'), `seed ${seed}`).toMatchObject({ status: 200 })
  }
  await abuse(service, random, Math.floor(connections / 4))
  await settle()
  const before = { memory: residentBytes(pid), sockets: socketsOf(pid) }
  await abuse(service, random, Math.floor((connections * 3) / 4))
  await settle()
  const after = { memory: residentBytes(pid), sockets: socketsOf(pid) }

  expect(service.child.exitCode, service.output().slice(-2_000)).toBeNull()
  expect(service.child.pid).toBe(pid)
  expect(after.memory).toBeLessThan(before.memory + 40 * mebibyte)
  // Nor is any of it taken for a fault of the service.
  expect(
    service
      .output()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line)),
  ).toEqual([])
  console.info(
    `${connections} rude connections, seed ${seed}: ${Math.round(before.memory / mebibyte)} MiB after a quarter, ` +
      `${Math.round(after.memory / mebibyte)} MiB after all; ${before.sockets} and ${after.sockets} sockets; ` +
      `${panel.connections()} connections to the panel`,
  )
  expect(await service.end('SIGTERM')).toBe(0)
})
