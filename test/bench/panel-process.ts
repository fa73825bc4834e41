/** A stand-in panel in a process of its own; the options come as JSON, the address goes to the parent. */
import { startPanel } from '../stand-in/start.ts'
import type { PanelProcessOptions } from './line.ts'

const { costs, users } = JSON.parse(process.argv[2] ?? '{}') as PanelProcessOptions
const panel = await startPanel({ costs })
for (const [admin, count] of Object.entries(users)) {
  panel.state.createAdmin(admin).usage = 1_000n * BigInt(count)
  for (let index = 0; index < count; index += 1) {
    panel.state.createUser(`${admin}_${index}`, { admin, lifetime: 1_000n })
  }
}
const form = new URLSearchParams(panel.sudo)
const { access_token: token } = panel.tokens.logIn(form)
process.send?.({ url: panel.url, sudo: panel.sudo, token })
process.on('disconnect', () => process.exit())
