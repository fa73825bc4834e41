import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** A way to a server that can be cut and restored. */
export type Cuttable = {
  /** `url` with the address of this way. */
  via(url: string): Promise<string>
  /** Breaks what goes through, and refuses what comes. */
  cut(): void
  /** Lets nothing through any more, and breaks nothing: neither end hears of it, nor of the other's end. */
  hang(): void
  /** Brings what comes from now on to the server at `url`. */
  lead(url: string): void
  /** Serves what comes from now on. What hung goes on hanging. */
  restore(): void
  close(): Promise<void>
}

/** A TCP proxy whose connections a test can break: what a network or a server that goes away looks like. */
export function createCuttable(): Cuttable {
  const sockets = new Set<Socket>()
  let target = { host: '', port: 0 }
  let isCut = false
  let isHanging = false
  const server = createServer((socket) => {
    if (isCut) return void socket.destroy()
    if (isHanging) {
      sockets.add(socket)
      return void socket.on('error', () => {})
    }
    const upstream = connect(target)
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  const lead = (url: string) => {
    const { hostname, port } = new URL(url)
    target = { host: hostname, port: Number(port) }
  }
  return {
    lead,
    async via(url) {
      lead(url)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const through = new URL(url)
      through.hostname = '127.0.0.1'
      through.port = String((server.address() as AddressInfo).port)
      return through.href
    },
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    hang() {
      isHanging = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    restore() {
      isCut = false
      isHanging = false
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
