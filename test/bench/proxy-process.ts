/** A TCP proxy that does nothing but pass bytes on, in a process of its own; the panel's address is its argument, its own goes to the parent. */
import { connect, createServer } from 'node:net'

const panel = new URL(process.argv[2] ?? '')
const server = createServer((client) => {
  const upstream = connect(Number(panel.port), panel.hostname)
  client.pipe(upstream).pipe(client)
  for (const end of [client, upstream]) end.on('error', () => {})
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  process.send?.(`http://127.0.0.1:${port}`)
})
process.on('disconnect', () => process.exit())
