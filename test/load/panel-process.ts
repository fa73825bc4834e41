/**
 * A stand-in panel in a process of its own, which keeps the truth: the options come as JSON, the address goes to the
 * parent. Its word `busy` lets traffic flow and answers cost what they cost a real panel, `quiet` ends both and is
 * answered with the truth.
 */
import { type PanelOptions, startPanel } from '../stand-in/start.ts'
import type { LoadPanelOptions, LoadPanelTruth } from './panel.ts'

const { admins, usersEach } = JSON.parse(process.argv[2] ?? '{}') as LoadPanelOptions
/** Bytes that a user has consumed before anyone kept its admin's counter. */
const past = 1_000_000
const consumers = 40
const consumeMs = 100
/** The panel's second transaction comes after its first. */
const bookMs = 250

// The panel looks at its costs anew for each answer.
const options: PanelOptions = { costs: false }
const panel = await startPanel(options)
const { state, tokens } = panel
const truth = new Map<string, number>()
for (const admin of admins) {
  state.createAdmin(admin)
  truth.set(admin, past * usersEach)
  for (let index = 0; index < usersEach; index += 1) {
    state.createUser(`${admin}_${index}`, { admin, lifetime: BigInt(past) })
  }
}
const names = [...state.users.keys()]

function consume(): void {
  for (let consumer = 0; consumer < consumers; consumer += 1) {
    const user = state.users.get(names[Math.floor(Math.random() * names.length)] ?? '')
    if (!user?.owner) continue
    const bytes = 1 + Math.floor(Math.random() * 100_000)
    state.accrueUser(user.username, bytes)
    truth.set(user.owner.username, (truth.get(user.owner.username) ?? 0) + bytes)
  }
}

let traffic: NodeJS.Timeout[] = []
process.on('message', (word: 'busy' | 'quiet') => {
  for (const timer of traffic) clearInterval(timer)
  options.costs = word === 'busy'
  traffic =
    word === 'busy' ? [setInterval(consume, consumeMs), setInterval(() => state.bookAdmins(), bookMs)] : []
  if (word === 'busy') return
  state.bookAdmins()
  const answer: LoadPanelTruth = { totals: Object.fromEntries(truth), users: [...state.users.keys()] }
  process.send?.(answer)
})
process.on('disconnect', () => process.exit())

const logIn = (username: string, password: string) =>
  tokens.logIn(new URLSearchParams({ username, password })).access_token
process.send?.({
  url: panel.url,
  sudo: panel.sudo,
  tokens: Object.fromEntries(
    admins.map((admin) => [admin, logIn(admin, state.admins.get(admin)?.password ?? '')]),
  ),
})
