/** The stand-in panel in a process of its own, its world served to the parent. */
import { makeSecret } from '../stand-in/secrets.ts'
import { startPanel } from '../stand-in/start.ts'
import { serveCalls } from './remote.ts'
import { World } from './world.ts'

const panel = await startPanel({ sudo: { username: 'root', password: makeSecret() } })
serveCalls(new World(panel))
process.on('disconnect', () => process.exit())
process.send?.('ready')
