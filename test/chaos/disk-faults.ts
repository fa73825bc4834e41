import { setTimeout } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import type { Scene } from './scene.ts'
import { fill } from './small-disk.ts'

/** Writes as much to the write-ahead log as needs a new file of it, for which there is no room: the server gives up. */
const writeAhead = `select pg_logical_emit_message(false, 'chaos', repeat('x', 1000000)) from generate_series(1, 40)`

async function whileFull(scene: Scene, during: () => Promise<void>): Promise<void> {
  const filler = await fill(scene.stage.dataDir)
  try {
    await during()
  } finally {
    await filler.free()
  }
}

/** What a statement that needs room is told. */
async function findFull(scene: Scene): Promise<string> {
  try {
    await scene.stage.query(
      'create table chaos.filler as select repeat(md5(n::text), 99) from generate_series(1, 9999) n',
    )
    await scene.stage.query('drop table chaos.filler')
    return 'had room'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
  }
}

export const diskFaults: Fault[] = [
  {
    name: 'the disk is full',
    weight: 6,
    needsDisk: true,
    strike: async (scene, act) => {
      let found = ''
      await whileFull(scene, async () => {
        await act()
        found = await findFull(scene)
        await act()
        await setTimeout(scene.random(1_000))
      })
      return `a statement was told ${found}`
    },
  },
  {
    name: 'the disk is full, and Postgres gives up',
    weight: 5,
    needsDisk: true,
    strike: async (scene, act) => {
      const killed = scene.random(2) === 0
      await whileFull(scene, async () => {
        const acting = act()
        await scene.stage.query(writeAhead).catch(() => {})
        await acting
        if (killed) await scene.stage.killService()
        await setTimeout(500 + scene.random(1_000))
      })
      return killed ? 'and the service is killed' : ''
    },
  },
]
