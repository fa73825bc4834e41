import path from 'node:path'

/** Where Node keeps compiled modules: the processes that tests start load most of what the first ones have loaded. */
export const compileCache = {
  NODE_COMPILE_CACHE: path.join(import.meta.dirname, '../../node_modules/.cache/compile'),
}
