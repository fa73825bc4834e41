/** Loaded before the simulator: puts the mutation that MUTATION names into the ledger. */
import { registerHooks } from 'node:module'
import { mutations } from './mutations.ts'

const mutation = mutations.find(({ name }) => name === process.env.MUTATION)
if (!mutation) throw new Error(`there is no mutation ${process.env.MUTATION}`)
const edits = [mutation, ...(mutation.also ?? [])]

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    const own = edits.filter(({ file }) => url.endsWith(`/src/${file}`))
    if (own.length === 0) return loaded
    let source = String(loaded.source)
    for (const { file, from, to } of own) {
      if (source.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
      source = source.replace(from, () => to)
    }
    return { ...loaded, source }
  },
})
