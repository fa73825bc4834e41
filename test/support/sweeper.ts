/** Removes a test run's directory once the process that holds the other end of stdin has closed it or died. */
import { once } from 'node:events'
import { removeRunDir } from './run-dir.ts'

const [dir = ''] = process.argv.slice(2)
await once(process.stdin.resume(), 'close')
await removeRunDir(dir)
