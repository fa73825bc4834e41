/** Loaded before the simulator: puts the mutation that MUTATION names into the ledger. */
import { registerHooks } from 'node:module'
import { mutations } from './mutations.ts'

const mutation = mutations.find(({ name }) => name === process.env.MUTATION)
if (!mutation) throw new Error(`there is no mutation ${process.env.MUTATION}`)
const { file, from, to } = mutation

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/src/${file}`)) return loaded
    const source = String(loaded.source)
    if (source.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
    return { ...loaded, source: source.replace(from, () => to) }
  },
})
