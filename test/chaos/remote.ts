import type { ChildProcess } from 'node:child_process'

/** The methods of an object that lives in another process. */
export type Remote<Target> = {
  [Name in keyof Target]: Target[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

type Call = { id: number; name: string; args: unknown[] }
type Answer = { id: number; result?: unknown; error?: string }

/** Lets the parent process, which forked this one with `serialization: 'advanced'`, call the methods of `target`. */
export function serveCalls(target: object): void {
  const methods = target as Record<string, (...args: unknown[]) => unknown>
  process.on('message', async ({ id, name, args }: Call) => {
    try {
      process.send?.({ id, result: await methods[name]?.(...args) })
    } catch (error) {
      process.send?.({ id, error: String(error) })
    }
  })
}

/** The object that `child` serves with {@link serveCalls}. */
export function remoteOf<Target>(child: ChildProcess): Remote<Target> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let calls = 0
  child.on('message', ({ id, result, error }: Answer) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) call?.resolve(result)
    else call?.reject(new Error(error))
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process has ended'))
  })
  const call = (name: string, args: unknown[]): Promise<unknown> => {
    calls += 1
    const answer = Promise.withResolvers<unknown>()
    waiting.set(calls, answer)
    child.send({ id: calls, name, args })
    return answer.promise
  }
  // Not taken for a promise where it is awaited.
  const get = (_: object, name: string) =>
    name === 'then' ? undefined : (...args: unknown[]) => call(name, args)
  return new Proxy({}, { get }) as Remote<Target>
}
