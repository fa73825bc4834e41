import { callerKinds } from '../../work/callers/caller-kinds.ts'
import { type Action, type Reach, reachOf } from '../../work/callers/may.ts'

/** How far the right to a call goes, for each kind of caller. */
export type RightsOfCall = Record<string, Reach>

export function rightsTo(action: Action): RightsOfCall {
  return Object.fromEntries(
    Object.entries(callerKinds).map(([kind, caller]) => [kind, reachOf(caller, action)]),
  )
}

/** All rights as a table in Markdown. `call`: method and path. */
export function rightsAsMarkdown(calls: readonly { call: string; rights: RightsOfCall }[]): string {
  const kinds = Object.keys(callerKinds)
  const lineOf = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    lineOf(['call', ...kinds]),
    lineOf(['---', ...kinds.map(() => '---')]),
    ...calls.map(({ call, rights }) => lineOf([call, ...kinds.map((kind) => words[rights[kind] ?? 'none'])])),
  ].join('\n')
}

const words: Record<Reach, string> = { all: 'all', own: 'own', none: '-' }
